const main = document.querySelector("main");
setInterval(async () => {
  try {
    const answer = await fetch("/connections.html");
    if (answer.ok) main.innerHTML = await answer.text();
  } catch { document.title = "Stand-in (no answer)"; }
}, 1000);
