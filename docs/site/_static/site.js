// The box on the page of messages: it keeps the sections whose message is like the text that was pasted.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".message-search");
  if (!box) return;
  const words = (text) => new Set(text.toLowerCase().match(/[a-z0-9_.]{3,}/g) || []);
  const sections = [...document.querySelectorAll("article section section")].map((section) => ({
    section,
    words: words(section.textContent),
    message: words((section.querySelector(".error-message") || section).textContent),
  }));
  const often = new Map();
  for (const { words } of sections) for (const word of words) often.set(word, (often.get(word) || 0) + 1);

  // A word counts by how few sections have it, and twice if it is in the message itself.
  const score = ({ words, message }, sought) => {
    let sum = 0;
    for (const word of sought)
      if (words.has(word)) sum += (message.has(word) ? 2 : 1) * Math.log(1 + sections.length / often.get(word));
    return sum;
  };

  const input = box.querySelector("input");
  const output = box.querySelector("output");
  box.hidden = false;
  input.addEventListener("input", () => {
    const sought = words(input.value);
    const scores = sections.map((entry) => score(entry, sought));
    const best = Math.max(...scores);
    let shown = 0;
    sections.forEach(({ section }, index) => {
      const near = sought.size === 0 || (best > 0 && scores[index] >= best * 0.6);
      section.classList.toggle("far", !near);
      shown += near;
    });
    if (sought.size === 0) output.textContent = "";
    else if (shown === 0) output.textContent = "None of the usual messages. Its status may help: see Errors by their status.";
    else output.textContent = shown === 1 ? "1 message is like it:" : `${shown} messages are like it:`;
  });
});
