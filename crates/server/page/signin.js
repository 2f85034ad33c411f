// Who isn't signed in is told how: with the link that was printed, or with a token.
import { html, useState } from "./html.js";
import { post } from "./api.js";
import { Heading, Trouble, announce } from "./shell.js";

export function SignIn({ done }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);

  const enter = async (it) => {
    it.preventDefault();
    if (busy) return;
    if (!token.trim()) return setProblem({ title: "there is no token yet", advice: "Paste one, or open the link instead." });
    setBusy(true);
    try {
      await post("/api/session", { token: token.trim() });
      announce("Signed in");
      Heading.moved = true;
      await done();
    } catch (why) {
      setProblem(why.status === 401 ? { title: "the token isn't known here", advice: "Copy it whole. It may have been revoked." } : why);
    } finally {
      setBusy(false);
    }
    return undefined;
  };

  return html`<div class="signin">
    <${Heading} title="Sign in">Sign in<//>
    <section class="card">
      <h2>On this computer</h2>
      <p>Open the link that <code>pipeline serve</code> printed when it started. It looks like this, and works once:</p>
      <pre>${location.origin}/coding?code=…</pre>
    </section>
    <section class="card">
      <h2>With a token</h2>
      <form onSubmit=${enter} novalidate>
        <div class="field">
          <label for="token">Token</label>
          <input id="token" type="password" autocomplete="current-password" spellcheck="false" value=${token}
            aria-invalid=${problem ? "true" : undefined} aria-describedby="token-hint ${problem ? "token-trouble" : ""}"
            onInput=${(it) => setToken(it.target.value)} />
          <p class="hint" id="token-hint">An admin makes one with <code>pipeline token add</code>. The page doesn't keep it: the server gives a cookie for it.</p>
          <${Trouble} problem=${problem} id="token-trouble" />
        </div>
        <button class="main" disabled=${busy}>Sign in</button>
      </form>
    </section>
  </div>`;
}
