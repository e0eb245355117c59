// Shows /api/openapi.json: operations by tag, with parameters, bodies and answers. Schemas unfold on demand,
// because conditions nest without end.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

// Text with `code` in it.
const prose = (text) => {
  const parts = (text ?? "").split("`");
  return element("span", {}, ...parts.map((part, index) => (index % 2 ? element("code", {}, part) : part)));
};

fetch("/api/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => {
    document.getElementById("main").replaceChildren(element("p", {}, `The document cannot be shown: ${error}`));
  });

function show(api) {
  const main = document.getElementById("main");
  const menu = document.getElementById("menu");
  main.replaceChildren(element("h1", {}, `${api.info.title}, version ${api.info.version}`));
  for (const paragraph of (api.info.description ?? "").split("\n\n")) main.append(element("p", {}, prose(paragraph)));
  main.append(element("p", {}, element("a", { href: "/api/openapi.json" }, "The OpenAPI document")));
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })));
  for (const tag of api.tags ?? []) {
    main.append(element("h2", {}, tag.name), element("p", {}, tag.description ?? ""));
    menu.append(element("h2", {}, tag.name));
    for (const operation of operations.filter((each) => each.tags?.includes(tag.name))) {
      main.append(article(api, operation));
      menu.append(element("a", { href: `#${operation.operationId}` }, operation.summary ?? operation.operationId));
    }
  }
  document.getElementById("search").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const link of menu.querySelectorAll("a")) {
      link.hidden = !`${link.textContent} ${link.hash}`.toLowerCase().includes(wanted);
    }
  });
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function article(api, operation) {
  const made = element("article", { id: operation.operationId },
    element("h3", {}, operation.summary ?? operation.operationId),
    element("p", { class: "route" }, element("span", { class: "method" }, operation.method.toUpperCase()),
      element("code", {}, operation.path)));
  if (operation.description) made.append(element("p", {}, prose(operation.description)));
  if (operation.parameters?.length) {
    made.append(element("h4", {}, "Parameters"), element("table", {}, ...operation.parameters.map((parameter) =>
      element("tr", {},
        element("td", {}, element("code", {}, parameter.name), parameter.required ? needed() : null),
        element("td", { class: "quiet" }, parameter.in),
        element("td", {}, prose(parameter.description))))));
  }
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  if (body) made.append(element("h4", {}, "Body"), schema(api, body, true));
  made.append(element("h4", {}, "Answers"));
  for (const [status, given] of Object.entries(operation.responses)) {
    const answer = given.$ref ? api.components.responses[named(given.$ref)] : given;
    const content = Object.values(answer.content ?? {})[0]?.schema;
    const line = element("span", {}, element("code", {}, status), " ", prose(answer.description));
    made.append(content ? unfold(line, () => schema(api, content, false)) : element("div", {}, line));
  }
  return made;
}

const needed = () => element("span", { class: "needed", title: "required" }, " *");

function unfold(title, content) {
  const made = element("details", {}, element("summary", {}, title));
  made.addEventListener("toggle", () => { if (made.children.length === 1) made.append(content()); }, { once: true });
  return made;
}

const named = (reference) => reference.split("/").pop();

function schema(api, given, open) {
  if (given.$ref) {
    const name = named(given.$ref);
    const found = api.components.schemas[name];
    const content = () => schema(api, found, true);
    return open ? content() : unfold(element("code", {}, name), content);
  }
  if (given.allOf) return element("div", {}, ...given.allOf.map((part) => schema(api, part, true)));
  const choices = given.oneOf ?? given.anyOf;
  if (choices) {
    return element("ul", { class: "fields" }, ...choices.map((choice) =>
      element("li", {}, prose(choice.description), " ", schema(api, choice, false))));
  }
  if (given.properties) {
    return element("ul", { class: "fields" }, ...Object.entries(given.properties).map(([name, field]) =>
      element("li", {}, element("code", {}, name), given.required?.includes(name) ? needed() : null, " ",
        prose(field.description), " ", schema(api, field, false))));
  }
  if (given.items) return element("span", {}, "list of ", schema(api, given.items, false));
  if (given.additionalProperties && typeof given.additionalProperties === "object") {
    return element("span", {}, "object of ", schema(api, given.additionalProperties, false));
  }
  const kind = [given.type ?? "anything"].flat().join(" or ");
  const facts = [given.format, given.pattern, given.enum?.join(", ")].filter(Boolean).join(" ");
  return element("span", { class: "quiet" }, `${kind} ${facts}`.trim());
}
