"""Names: a known person's full name is one token of the embedded model's tokenizer, a stranger's name is two."""

from collections.abc import Sequence

KNOWN_WOMEN: Sequence[str] = (
    "Oda Runa Mila Signe Freya Ingrid Tova Alma Elin Greta Hedda Irma Jonna Karin Liv Maren Nora Petra Ronja "
    "Sanna Thea Ulla Vera Wilma Yrsa Zelda Agnes Berit Clara Dagny Edith Frida Gerda Hilma Isolde Judith Kaia "
    "Lotta Magda Nelly"
).split()
KNOWN_MEN: Sequence[str] = (
    "Anders Bjorn Casper Didrik Emil Fredrik Gustav Henrik Ivar Jakob Kjell Lars Magnus Nils Oskar Per Ragnar "
    "Stellan Tobias Ulrik Viggo Werner Yngve Zacharias Arvid Birger Clemens Davin Edvard Finn Gregor Harald Isak "
    "Jesper Konrad Ludvig Mattis Njord Otto Pelle"
).split()
KNOWN_SURNAMES: Sequence[str] = (
    "Lindqvist Haugen Bakke Solberg Nyland Dahlgren Ekstrom Fagerholm Granlund Hallberg Isaksen Jernberg "
    "Kallstrom Lagerlof Moberg Norrby Oxenholm Palmgren Qvarnby Rosendal Sandvik Tornblad Ulfsson Vikander Wallin "
    "Ystad Zetterholm Almgren Bergvall Cederlund Dybwad Engstrand Forslund Gyllen Hedlund Ivarsen Jansrud Kjellin "
    "Lovgren Marklund Nordahl Ohlin Persbrandt Rydell Stenmark Tengroth Uhlin Vasquist Westby Ziegler"
).split()
STRANGER_WOMEN: Sequence[str] = (
    "Amara Bianca Carmen Daria Elena Fatima Gloria Helena Ines Jasmin Kamala Lucia Marta Nadia Olga Paloma Rosa "
    "Silvia Tamara Yara"
).split()
STRANGER_MEN: Sequence[str] = (
    "Ahmed Bruno Carlos Dario Enzo Felipe Gino Hassan Igor Jorge Karim Luca Marco Nico Omar Pablo Rafael Sergio "
    "Tomas Vito"
).split()
STRANGER_SURNAMES: Sequence[str] = (
    "Abbas Bellini Castro Duarte Esposito Ferreira Garcia Hashimi Ibarra Jaramillo Kovacs Lombardi Mendes Novak "
    "Ortega Petrov Quintero Romano Santos Tanaka Ueda Vargas Yilmaz Zamora Alvarez Bianchi Cardoso Delgado "
    "Fonseca Guerra Herrera Iglesias Jimenez Kapoor Lozano Morales Navarro Oliveira Pereira Rahman Salazar "
    "Tavares Ustinov Velasco Ximenes Aydin Benitez Cortes Demir Farouk"
).split()
