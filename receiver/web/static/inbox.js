"use strict";

const MOST = 200;
const list = document.getElementById("messages");
const state = document.getElementById("state");
const source = new EventSource("events?after=" + list.dataset.last);

source.onopen = () => { state.textContent = state.dataset.live; };
source.onerror = () => { state.textContent = state.dataset.lost; };
source.onmessage = (event) => {
  const holder = document.createElement("template");
  holder.innerHTML = event.data; // the server has escaped it
  const item = holder.content.querySelector("li");
  if (!item || document.getElementById(item.id)) return;
  document.getElementById("empty")?.remove();
  list.prepend(item);
  while (list.children.length > MOST) list.lastElementChild.remove();
};
