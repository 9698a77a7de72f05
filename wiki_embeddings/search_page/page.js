// Questions in, passages out. What a dataset says is only ever set as text, never as markup, and
// an address becomes a link only if it is one of the web.
"use strict";

const element = (id) => document.getElementById(id);
const SIMILAR = 5;
let asking = null;

async function post(path, content, signal) {
  const response = await fetch(path, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(content),
    signal,
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer.passages;
}

function say(text, isTrouble = false) {
  element("status").textContent = text;
  element("status").classList.toggle("trouble", isTrouble);
}

function trouble(error) {
  const isLost = error instanceof TypeError;
  say(isLost ? "The server does not answer: is `wiki-embeddings serve` running?" : error.message, true);
}

function isOfTheWeb(address) {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

function shown(passage) {
  const item = element("passage").content.cloneNode(true).firstElementChild;
  const link = item.querySelector("a");
  link.textContent = passage.title || "Untitled";
  if (isOfTheWeb(passage.url)) link.href = passage.url;
  item.querySelector(".section").textContent = passage.section;
  item.querySelector("meter").value = passage.score;
  item.querySelector(".score span").textContent = passage.score.toFixed(3);
  item.querySelector(".text").textContent = passage.text;
  const similar = item.querySelector(".similar");
  similar.addEventListener("click", () => toggleSimilar(item, similar, passage.row));
  return item;
}

async function toggleSimilar(item, button, row) {
  const open = item.querySelector("ol");
  button.setAttribute("aria-expanded", String(!open));
  if (open) {
    open.remove();
    return;
  }
  const list = document.createElement("ol");
  item.append(list);
  try {
    list.replaceChildren(...(await post("/api/neighbours", {row, k: SIMILAR})).map(shown));
  } catch (error) {
    list.remove();
    button.setAttribute("aria-expanded", "false");
    trouble(error);
  }
}

async function search(asked) {
  asking?.abort();
  const mine = (asking = new AbortController());
  say("Searching …");
  try {
    const began = performance.now();
    const passages = await post("/api/search", asked, mine.signal);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    element("passages").replaceChildren(...passages.map(shown));
    say(passages.length ? `${passages.length} passages in ${seconds} s` : "No passage found.");
  } catch (error) {
    if (mine.signal.aborted) return;
    element("passages").replaceChildren();
    trouble(error);
  }
}

// The question stands in the address, after #, so that a page can be reloaded, kept and gone back to.
function searchAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const question = asked.get("question");
  if (!question) return;
  element("question").value = question;
  element("title").value = asked.get("title") ?? "";
  element("section").value = asked.get("section") ?? "";
  element("count").value = asked.get("k") ?? "10";
  search({
    question,
    title: element("title").value,
    section: element("section").value,
    k: Number(element("count").value) || 10,
  });
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = new URLSearchParams({
    question: element("question").value,
    title: element("title").value,
    section: element("section").value,
    k: element("count").value,
  });
  const hash = `#${asked}`;
  if (hash === location.hash) searchAddress();
  else location.hash = hash;
});
addEventListener("hashchange", searchAddress);

fetch("/api/dataset")
  .then((response) => response.json())
  .then(({dataset, model, note}) => {
    document.title = `Search ${dataset}`;
    element("dataset").textContent = dataset;
    element("about").textContent = note ? `${model}. ${note}` : model;
  })
  .catch(trouble);
searchAddress();
