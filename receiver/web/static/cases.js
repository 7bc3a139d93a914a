"use strict";

const SOONEST = 200, LATEST = 1500; // ms, so that many pages do not all ask at once
const list = document.getElementById("cases");
const empty = document.getElementById("empty");
const state = document.getElementById("state");
const source = new EventSource("api/v1/incidents/stream");
let planned = 0, missed = false;

function say(now) {
  state.dataset.now = now;
  state.textContent = state.dataset[now];
}

function replace(fresh) {
  const focused = list.contains(document.activeElement) && document.activeElement.closest("li").id;
  const rows = [...fresh.children].map((row) => {
    const old = document.getElementById(row.id);
    if (old && old.innerHTML === row.innerHTML) return old;
    row.classList.add("new");
    return row;
  });
  list.replaceChildren(...rows);
  empty.hidden = rows.length > 0;
  if (focused) document.getElementById(focused)?.querySelector("a").focus({ preventScroll: true });
}

async function refresh() {
  planned = 0;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    replace(page.getElementById("cases")); // the server has escaped it
  } catch {
    say("lost");
  }
}

function soon() {
  missed = document.hidden;
  if (!missed) planned ||= setTimeout(refresh, SOONEST + Math.random() * (LATEST - SOONEST));
}

source.onopen = () => { say("live"); soon(); };
source.onerror = () => say("lost");
source.addEventListener("incidents", soon);
document.addEventListener("visibilitychange", () => { if (missed && !document.hidden) soon(); });
