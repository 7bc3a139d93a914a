"use strict";

const wanted = document.getElementById("wanted");
const source = document.getElementById("source");
const said = document.getElementById("said");
const frame = document.getElementById("html");
// An address with name and password in it would be resolved with both, which fetch refuses.
const API = new URL("api/v1/preview", location.origin + location.pathname);
let stored = "";
let turn = 0;

function asked() {
  const [kind, ...rest] = wanted.about.value.split(" ");
  const query = { channel: wanted.channel.value, template: wanted.template.value };
  if (wanted.language.value) query.language = wanted.language.value;
  if (kind === "payload") query.payload = wanted.payload.value;
  else query[kind] = rest.join(" ");
  return query;
}

function ask(query) {
  if (!("source" in query) && !("payload" in query)) {
    return fetch(API + "?" + new URLSearchParams(query));
  }
  if ("incident" in query) query.incident = Number(query.incident);
  const headers = { "Content-Type": "application/json" };
  return fetch(API, { method: "POST", headers, body: JSON.stringify(query) });
}

function fill(answer, edited) {
  wanted.template.replaceChildren(...answer.templates.map((name) => new Option(name)));
  wanted.template.value = answer.template;
  document.getElementById("name").textContent = answer.template;
  if (!edited) source.value = answer.source;
  stored = answer.source;
  document.getElementById("title").textContent = answer.title;
  document.getElementById("body").textContent = answer.body;
  if (frame.hidden === Boolean(answer.html)) document.getElementById("posted").open = !answer.html;
  frame.hidden = !answer.html;
  frame.srcdoc = answer.html;
}

function complain(failures) {
  const items = failures.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  document.getElementById("failures").replaceChildren(...items);
}

async function show(edited) {
  const mine = ++turn;
  const query = asked();
  document.getElementById("paste").hidden = !("payload" in query);
  if ("payload" in query && !query.payload.trim()) return;
  if (edited) query.source = source.value;
  said.textContent = said.dataset.rendering;
  const response = await ask(query).catch((error) => ({ ok: false, json: async () => ({ detail: String(error) }) }));
  const answer = await response.json();
  if (mine !== turn) return; // something else was wanted meanwhile
  const failures = response.ok ? answer.failures : [answer.detail];
  if (response.ok) fill(answer, edited);
  complain(failures);
  const told = failures.length ? "failed" : edited ? "edited" : "shown";
  said.textContent = said.dataset[response.ok ? told : "refused"];
}

wanted.addEventListener("change", (event) => {
  const kept = event.target === wanted.about && source.value !== stored;
  show(kept);
});
wanted.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("render").addEventListener("click", () => show(source.value !== stored));
document.getElementById("undo").addEventListener("click", () => show(false));
show(false);
