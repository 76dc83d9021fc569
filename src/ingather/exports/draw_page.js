"use strict";
/* The page of a draw: verifies the receipt that it carries, and answers its visitors. */
(async () => {
  const byId = (id) => document.getElementById(id);
  const source = byId("receipt").content.textContent;
  const say = (element, state, ...lines) => {
    element.dataset.state = state;
    element.replaceChildren(
      ...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })),
    );
  };
  document.documentElement.classList.add("scripted");

  const verdict = byId("verdict");
  if (!globalThis.crypto?.subtle) {
    say(
      verdict,
      "unknown",
      "This browser gives no cryptography to a page that came over plain http.",
      "Open the page over https, or save it and open the file.",
    );
    return;
  }

  /* The receipt itself. */
  let found;
  try {
    found = await Draw.verify(source);
  } catch {
    say(verdict, "unknown", "Your browser could not run the checks. It may be too old for them.");
    return;
  }
  const marks = [...document.querySelectorAll("[data-check]")];
  let failed = false;
  for (const mark of marks) {
    const name = mark.dataset.check;
    if (!found.holds && name.split(" ").includes(found.check)) failed = true;
    let state = failed ? "later" : "holds";
    if (failed && name.split(" ").includes(found.check)) state = "false";
    if (!failed && name === "signature" && !found.signed) state = "unknown";
    if (!failed && name.startsWith("round") && !found.pinned) state = "unknown";
    mark.dataset.state = state;
    mark.querySelector("b").textContent = {
      holds: "Holds",
      false: "FALSE",
      later: "Not looked at",
      unknown: name === "signature" ? "Cannot be told here" : "Not the public one",
    }[state];
  }
  if (!found.holds) {
    say(verdict, "false", "This draw is false.", `${found.why} (The check is “${found.check}”.)`);
    return;
  }
  const left = ["It cannot tell whether the beacon's round is real, nor read time stamps: see below."];
  if (!found.pinned) {
    left.unshift("But its beacon is none that is trusted: this is a rehearsal, and proves nothing.");
  }
  if (found.masked) left.unshift("The names are masked, so “already won” has to be believed.");
  say(
    verdict,
    found.pinned ? "holds" : "unknown",
    "Your browser has checked this draw: all that it can check holds.",
    ...left,
  );

  /* Whether this is the hash that the visitor saw. */
  const seen = byId("seen");
  const compare = () => {
    const told = seen.value.toLowerCase().replace(/[\s:]/g, "");
    const answer = byId("seen-answer");
    if (!told) return say(answer, "");
    if (told === found.receipt.commit) {
      return say(answer, "holds", "Yes: this is the draw that you saw announced.");
    }
    if (/^[0-9a-f]{8,63}$/.test(told) && found.receipt.commit.startsWith(told)) {
      return say(answer, "unknown", "So far it agrees. Paste all 64 digits.");
    }
    return say(answer, "false", "No: another hash was announced to you than this page belongs to.");
  };
  seen.addEventListener("input", compare);

  /* Whether the round is the one that the public beacon shows. */
  byId("round")?.addEventListener("input", (event) => {
    const told = event.target.value;
    const answer = byId("round-answer");
    const { round, signature } = found.receipt.beacon;
    if (!told.trim()) return say(answer, "");
    const same = told.includes(`"${signature}"`) && new RegExp(`"round": *${round}\\b`).test(told);
    return same
      ? say(answer, "holds", "The same round with the same signature.")
      : say(answer, "false", "That is another round, another signature, or only a part of it.");
  });

  /* Whether a visitor was in. */
  const places = new Map(found.receipt.drawn.map((each) => [each.position, each]));
  byId("opening-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = byId("opening-answer");
    const opening = Draw.readOpening(byId("opening").value);
    if (!opening) {
      return say(answer, "false", 'This is no opening. It looks like {"entry": {…}, "salt": "…"}.');
    }
    const position = found.receipt.leaves.indexOf(await Draw.leaf(opening));
    if (position < 0) {
      return say(answer, "false", "This entry is not in the list that was committed to.");
    }
    const place = places.get(position);
    const fate = place
      ? `It was drawn as rank ${place.rank}: ${place.status}.`
      : "It was not drawn.";
    return say(
      answer,
      "holds",
      `The entry of @${opening.entry.u} is in the list, as number ${position + 1} of ` +
        `${found.receipt.leaves.length}. ${fate}`,
    );
  });

  /* The receipt as a file. */
  const file = new Blob([source], { type: "application/json" });
  byId("download").href = URL.createObjectURL(file);
})();
