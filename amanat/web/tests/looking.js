// How tests look at a page. It is put in after the accessibility checker (axe), best before the page's own scripts.
//
// Two rules of the checker take most of its time: whether a text can be read, and whether a target is large enough. They are asked only
// where the answer is not known: of texts whose colours, size and background the checker has passed before (on whichever page, theme or
// device), and of targets that are large and meet no other, it is.
"use strict";

globalThis.looking = (() => {
  const TARGETS = "a, area, button, input, select, textarea, summary, object, [role], [tabindex], [contenteditable]";
  const AROUND = ".input-group, .search-open, .composer, .drop, .row-link, tr, label";
  const OURS = "h1, h2, dt, th[scope=col], legend, summary, .button, .link, .stat-label, .tabs a, .menu-item";
  let places = 0;

  /** What lies behind the texts of an element, from the page up. What floats above its surroundings is like nothing else. */
  function ground(element, known) {
    if (!element) return {behind: "", veil: "", isTiny: false};
    if (known.has(element)) return known.get(element);
    const above = ground(element.parentElement, known), style = getComputedStyle(element);
    const isOpaque = style.backgroundImage === "none" && style.backgroundColor.startsWith("rgb(");
    const isClear = style.backgroundImage === "none" && style.backgroundColor === "rgba(0, 0, 0, 0)";
    const floats = !["static", "relative"].includes(style.position) || style.transform !== "none" || style.clipPath !== "none";
    const veils = [style.opacity, style.filter, style.mixBlendMode].join(" ");
    const made = {
      behind: isOpaque ? style.backgroundColor : above.behind + (isClear ? "" : ` ${style.backgroundColor} ${style.backgroundImage}`),
      veil: above.veil + (veils === "1 none normal" ? "" : ` ${veils}`),
      isTiny: above.isTiny || style.overflow === "hidden" && element.offsetWidth <= 1 && element.offsetHeight <= 1,
    };
    if (floats && !isOpaque) made.behind += ` floats ${location.pathname} ${++places}`;
    known.set(element, made);
    return made;
  }

  /** Each element with words of its own that are on the screen, with all that decides whether they can be read. */
  function inks() {
    const known = new Map(), found = new Map(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const written = [...document.querySelectorAll("input, select, textarea")];
    while (texts.nextNode()) if (texts.currentNode.data.trim()) written.push(texts.currentNode.parentElement);
    for (const element of written) {
      if (found.has(element) || !element.checkVisibility({visibilityProperty: true})) continue;
      const {behind, veil, isTiny} = ground(element, known), style = getComputedStyle(element), at = element.getBoundingClientRect();
      if (isTiny || at.bottom + scrollY <= 0 || at.right + scrollX <= 0) continue;
      const isOff = Boolean(element.closest(":disabled, [aria-disabled=true], [inert]") || element.closest("label")?.control?.disabled);
      const ink = [style.color, style.webkitTextFillColor, style.fontSize, style.fontWeight, style.textShadow];
      found.set(element, [...ink, isOff, veil, behind].join(" | "));
    }
    return found;
  }

  /** Targets that are small, or meet another. */
  function tight() {
    const all = [...document.querySelectorAll(TARGETS)].map(element => [element, element.getBoundingClientRect()])
      .filter(([, at]) => at.width && at.height);
    const meet = (one, other) =>
      one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
    return new Set(all.filter(([element, at]) => Math.min(at.width, at.height) < 25
      || all.some(([another, its]) => another !== element && meet(at, its))).map(([element]) => element));
  }

  /** Let the checker ask a rule of some elements only; of those it does ask, `asked` hears. */
  function narrow(id, wanted, asked = () => {}) {
    const rule = axe._audit.rules.find(one => one.id === id);
    const matches = rule.matchesOfItsOwn ??= rule.matches;
    rule.matches = function (node, ...more) {
      const isAsked = wanted.has(node) && matches.call(this, node, ...more);
      if (isAsked) asked(node);
      return isAsked;
    };
  }

  /** Each finding with its impact, and what was found to be readable beside what is `read` already. Before a picture or a gradient, which
   * are part of how it is written down, the checker never knows. */
  async function judge(rules, read) {
    const before = new Set(read), open = new Map([...inks()].filter(([, ink]) => !before.has(ink))), asked = new Set();
    if (rules.length === 1 && rules[0] === "color-contrast" && !open.size) return {faults: [], read: []};
    narrow("color-contrast", open, node => asked.add(node));
    narrow("target-size", tight());
    // Nothing is fetched beforehand: only rules about sound and one on trial, which is not in these levels, would look at it.
    const result = await axe.run(document, {
      resultTypes: open.size ? ["violations", "incomplete"] : ["violations"], preload: false, elementRef: true, runOnly: rules,
    });
    const doubtful = [...result.violations, ...result.incomplete].filter(fault => fault.id === "color-contrast")
      .flatMap(fault => fault.nodes).filter(node => !["bgImage", "bgGradient"].includes(node.any[0]?.data?.messageKey));
    const notRead = new Set(doubtful.map(node => open.get(node.element)));
    return {
      faults: result.violations
        .map(fault => [fault.impact, `${fault.id} ${fault.nodes.map(node => node.html.slice(0, 160)).slice(0, 2).join(" | ")}`]),
      read: [...new Set([...asked].map(node => open.get(node)))].filter(ink => !notRead.has(ink) && !ink.includes("floats")),
    };
  }

  /** What every page has. */
  function bones() {
    return {
      headings: [...document.querySelectorAll("h1")].filter(element => element.checkVisibility()).length,
      title: document.title.replace("· ", "").trim(),
      sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      language: document.documentElement.lang,
    };
  }

  const lost = [];

  /** From now on, note where the focus goes without being seen. */
  function follow() {
    document.addEventListener("focusin", () => {
      const element = document.activeElement, style = getComputedStyle(element);
      const isShown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
      const around = element.closest(AROUND), isAround = around && getComputedStyle(around).outlineStyle !== "none";
      if (!isShown && !isAround) lost.push(element.outerHTML.slice(0, 120));
    });
  }

  /** Where it was not seen; it is on nothing afterwards. */
  function followed() {
    document.activeElement.blur();
    return lost;
  }

  /** Texts that are ours wherever they stand: headings, buttons, names of columns and fields. */
  function ours() {
    return [...document.querySelectorAll(OURS)].filter(one => !one.closest(".receipt"))
      .map(one => one.textContent.replace(/\s+/g, " ").trim()).filter(Boolean);
  }

  return {judge, bones, follow, followed, ours};
})();
