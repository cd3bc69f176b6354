const boxes = [...document.querySelectorAll("fieldset input")];
const articles = [...document.querySelectorAll("article")];
const search = document.querySelector("input[type=search]");
const shown = document.getElementById("shown");
const kindsOf = (element) => element.dataset.kinds.split(" ");

function update() {
  const on = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const words = search.value.trim().toLowerCase();
  let count = 0;
  for (const article of articles) {
    const visible = kindsOf(article).some((kind) => on.has(kind)) && (!words || article.textContent.toLowerCase().includes(words));
    article.hidden = !visible;
    count += visible;
    for (const mark of article.querySelectorAll("mark")) mark.classList.toggle("off", !kindsOf(mark).some((kind) => on.has(kind)));
    for (const item of article.querySelectorAll("li")) item.hidden = !on.has(item.dataset.kind);
  }
  shown.textContent = `${count} of ${articles.length} documents shown.`;
}

for (const box of boxes) box.addEventListener("change", update);
search.addEventListener("input", update);
update();
