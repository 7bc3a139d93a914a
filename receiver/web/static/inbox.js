"use strict";

const MOST = 200;
const list = document.getElementById("messages");
const state = document.getElementById("state");
const older = document.querySelector(".older");
const title = document.title;
const source = new EventSource("events?after=" + list.dataset.last);
let unseen = 0;

function say(now) {
  state.dataset.now = now;
  state.textContent = state.dataset[now];
}

function trim() {
  if (list.children.length <= MOST) return;
  while (list.children.length > MOST) list.lastElementChild.remove();
  older.hidden = false;
  older.firstElementChild.href = "?before=" + list.lastElementChild.id.slice(1);
}

function count(messages) {
  unseen = messages;
  document.title = unseen ? `(${unseen}) ${title}` : title;
}

source.onopen = () => say("live");
source.onerror = () => say("lost");
source.onmessage = (event) => {
  const holder = document.createElement("template");
  holder.innerHTML = event.data; // the server has escaped it
  const item = holder.content.querySelector("li");
  if (!item || document.getElementById(item.id)) return;
  document.getElementById("empty")?.remove();
  item.classList.add("new");
  list.prepend(item);
  trim();
  if (document.hidden) count(unseen + 1);
};
document.addEventListener("visibilitychange", () => { if (!document.hidden) count(0); });
