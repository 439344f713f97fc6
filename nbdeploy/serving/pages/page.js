"use strict";
(() => {
  const PREDICTION = "x-nbdeploy-prediction-id", VERSION = "x-nbdeploy-version";
  const state = { token: "", asks: false };

  /* Every text goes through a text node: nothing that a model says is ever markup. */
  function make(tag, facts, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(facts || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name in node && name !== "list") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  const code = (text) => make("code", {}, text);
  const place = (relative) => new URL(relative, location.href).href;

  async function ask(address, options) {
    const headers = { ...(options || {}).headers };
    if (state.token) headers.Authorization = "Bearer " + state.token;
    const answer = await fetch(address, { ...options, headers, credentials: "omit" });
    const text = await answer.text();
    let body = null;
    try { body = JSON.parse(text); } catch { /* told below */ }
    if (!answer.ok) throw new Error((body && body.error) || answer.status + " " + answer.statusText);
    return { answer, body };
  }

  function copyable(text) {
    const shown = make("pre", {}, text);
    const button = make("button", { type: "button", onclick: async () => {
      try { await navigator.clipboard.writeText(shown.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(shown); button.textContent = "Selected"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    } }, "Copy");
    return { shown, node: make("div", {}, shown, make("div", { className: "bar" }, button)) };
  }

  function tokenField(whenGiven) {
    const input = make("input", { type: "password", autocomplete: "off", spellcheck: false, placeholder: "nbd_…" });
    input.addEventListener("input", () => { state.token = input.value.trim(); });
    if (whenGiven) input.addEventListener("keydown", (event) => { if (event.key === "Enter") whenGiven(); });
    input.value = state.token;
    return make("label", {}, "Token (stays in this page)", input);
  }

  function asking(main) {
    const told = make("div", {});
    const open = async () => {
      try { show(main, (await ask(place("openapi.json"))).body); }
      catch (error) { told.replaceChildren(make("p", { className: "bad", role: "alert" }, error.message)); }
    };
    main.replaceChildren(make("section", {},
      make("h2", {}, "This model is shown to those who may read it"),
      make("div", { className: "bar" }, tokenField(open),
        make("button", { type: "button", className: "main", onclick: open }, "Show")),
      told,
      make("p", { className: "dim" }, "A token is made by ", code("nbdeploy token create NAME --scope predict"),
        " where the endpoint runs. It is sent to this endpoint only, and kept nowhere.")));
    state.asks = true;
  }

  function shown(value) {
    if (value === null || value === undefined) return "–";
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }

  function answersTable(sent, answers) {
    const first = Array.isArray(sent) ? sent : [sent];
    const inputs = Object.keys(first[0] || {}).slice(0, 6), outputs = Object.keys(answers[0] || {});
    const isNumber = (name, rows) => rows.every((row) => row[name] === null || typeof row[name] === "number");
    const cell = (tag, name, text, rows, more) =>
      make(tag, { className: (isNumber(name, rows) ? "number " : "") + (more || "") }, text);
    const rows = answers.slice(0, 50).map((row, i) => make("tr", {}, make("td", { className: "dim" }, String(i)),
      ...inputs.map((name) => cell("td", name, shown((first[i] || {})[name]), first)),
      ...outputs.map((name) => cell("td", name, shown(row[name]), answers, "answer"))));
    const head = make("tr", {}, make("th", {}, "row"), ...inputs.map((name) => cell("th", name, name, first)),
      ...outputs.map((name) => cell("th", name, name, answers)));
    return make("div", { className: "scroll" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  }

  function trying(api, path) {
    const operation = api.paths[path].post, extra = api["x-nbdeploy"];
    const example = operation.requestBody.content["application/json"].example;
    const pretty = (rows) => "[\n" + rows.map((row) => "  " + JSON.stringify(row)).join(",\n") + "\n]";
    const text = make("textarea", { value: pretty(example), spellcheck: false, ariaLabel: "Rows as JSON" });
    const method = make("select", {}, ...Object.keys(extra.methods).map((name) =>
      make("option", { value: name, selected: name === extra.default_method }, name)));
    const result = make("div", { ariaLive: "polite" });
    const curl = copyable("");
    const address = () => {
      const found = new URL(place("predict"));
      if (method.value !== extra.default_method) found.searchParams.set("method", method.value);
      return found.href;
    };
    const quoted = (value) => "'" + value.replaceAll("'", "'\\''") + "'";
    const line = () => {
      const body = text.value.split("\n").map((part) => part.trim()).join("");
      const token = state.asks || !open(api) ? " \\\n  -H \"Authorization: Bearer $TOKEN\"" : "";
      curl.shown.textContent = "curl " + quoted(address()) + token +
        " \\\n  -H 'Content-Type: application/json' \\\n  -d " + quoted(body);
    };
    const send = make("button", { type: "button", className: "main", onclick: async () => {
      send.disabled = true;
      const begun = performance.now();
      try {
        const { answer, body } = await ask(address(), {
          method: "POST", body: text.value, headers: { "Content-Type": "application/json", Accept: "application/json" },
        });
        const took = (performance.now() - begun).toFixed(0);
        result.replaceChildren(
          make("p", { className: "dim" }, make("span", { className: "good" }, "✔ "), body.length + " rows by version " +
            answer.headers.get(VERSION) + " in " + took + " ms · prediction ", code(answer.headers.get(PREDICTION) || "")),
          answersTable(JSON.parse(text.value), body));
      } catch (error) {
        result.replaceChildren(make("p", { className: "bad", role: "alert" }, error.message));
      } finally { send.disabled = false; }
    } }, "Predict");
    const reset = make("button", { type: "button", onclick: () => { text.value = pretty(example); line(); } }, "Reset");
    text.addEventListener("input", line);
    method.addEventListener("change", line);
    line();
    return make("section", {}, make("h2", {}, "Try it"),
      make("p", { className: "dim" }, "Made-up rows, drawn from what each column is like; nobody's. Change them."), text,
      make("div", { className: "bar" }, make("label", {}, "Method", method), open(api) ? null : tokenField(), send, reset),
      result, make("h2", {}, "From a shell"), curl.node);
  }

  const open = (api) => api.security.some((one) => Object.keys(one).length === 0);

  function takes(schema) {
    const told = [];
    if (schema.enum) told.push(schema.enum.filter((value) => value !== null).map(shown).join(", "));
    if (schema.description) told.push(schema.description);
    return told.join(" ");
  }

  function columns(api) {
    const row = api.components.schemas.Row;
    const lines = Object.entries(row.properties).map(([name, schema]) => make("tr", {},
      make("td", {}, code(name)), make("td", {}, schema["x-nbdeploy-type"]),
      make("td", {}, [].concat(schema.type || []).includes("null") || (schema.enum || []).includes(null) ? "may be missing" : ""),
      make("td", { className: "wide dim" }, takes(schema))));
    const head = ["column", "type", "", ""].map((name) => make("th", {}, name));
    return make("section", {}, make("h2", {}, "What it takes"), make("div", { className: "scroll" },
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines))));
  }

  function answers(api) {
    const extra = api["x-nbdeploy"];
    const lines = Object.entries(extra.methods).map(([name, found]) => make("tr", {},
      make("td", {}, code(name), name === extra.default_method ? make("span", { className: "dim" }, " default") : null),
      make("td", { className: "wide" }, ...found.flatMap((column, i) => (i ? [", ", code(column)] : [code(column)])))));
    return make("section", {}, make("h2", {}, "What it answers"),
      make("div", { className: "scroll" }, make("table", {}, make("tbody", {}, ...lines))));
  }

  function routes(api) {
    const found = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([verb, operation]) => {
      const content = ((operation.requestBody || {}).content || {})["application/json"];
      return make("details", {},
        make("summary", {}, code(verb.toUpperCase() + " " + path), " ", make("span", { className: "dim" }, operation.summary)),
        operation.description ? make("p", { className: "dim" }, operation.description) : null,
        content && content.example ? make("pre", {}, JSON.stringify(content.example)) : null);
    }));
    return make("section", {}, make("h2", {}, "Every way in"), ...found,
      make("p", { className: "dim" }, "In full: ", make("a", { href: "openapi.json" }, "openapi.json"),
        " (OpenAPI 3.1). ", api.info.description));
  }

  function show(main, api) {
    document.title = api.info.title + " · nbdeploy";
    const predict = Object.keys(api.paths).find((path) => path.endsWith("/predict"));
    main.replaceChildren(
      make("header", {}, make("h1", {}, api.info.title), make("span", { className: "badge" }, "version " + api.info.version),
        make("span", { className: "badge", title: api["x-nbdeploy"].digest }, api["x-nbdeploy"].digest.slice(0, 19))),
      trying(api, predict), columns(api), answers(api), routes(api));
  }

  const main = document.getElementById("main");
  const given = JSON.parse(document.getElementById("document").textContent);
  if (given) show(main, given); else asking(main);
})();
