// A server to look at: one that runs already, or the program with scripted models, in a folder and a home of its own.
import { spawn, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TASK = fileURLToPath(new URL("../../../fixtures/tasks/off_by_one", import.meta.url));
const READY_MS_MAX = 30_000;
const LINK = /http:\/\/(127\.0\.0\.1|\[::1\]|localhost):\d+\/coding\?code=\S+/;

export const WORDS = "The last page is lost\n\n`page_count(21, 10)` says 2, but the last item needs a page of its own: it should say 3.\nFull pages are counted right and must stay so.\n";

function repository(folder) {
  const made = join(folder, "project");
  cpSync(join(TASK, "before"), made, { recursive: true });
  const git = (...words) => execFileSync("git", ["-C", made, "-c", "user.name=Test", "-c", "user.email=test@example.invalid", ...words], { stdio: "ignore" });
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=base");
  return made;
}

export async function started({ server, code, program }) {
  if (server) return { address: server.replace(/\/+$/, ""), link: `${server.replace(/\/+$/, "")}/coding?code=${code}`, stop() {} };
  const folder = mkdtempSync(join(tmpdir(), "pipeline-page-"));
  const cwd = repository(folder);
  for (const name of ["state", "config"]) mkdirSync(join(folder, name));
  const env = { ...process.env, XDG_STATE_HOME: join(folder, "state"), XDG_CONFIG_HOME: join(folder, "config") };
  const child = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--scripted", join(TASK, "replies")], { cwd, env });
  let said = "";
  let stopping = false;
  const ended = new Promise((done) => child.once("exit", done));
  child.once("exit", (status, signal) => {
    if (!stopping) console.log(`the program ended by itself with ${status ?? signal}:\n${said}`);
  });
  const link = await new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`no link within ${READY_MS_MAX} ms:\n${said}`)), READY_MS_MAX);
    const hear = (bytes) => {
      said += bytes;
      const found = LINK.exec(said);
      if (!found) return;
      clearTimeout(timer);
      done(found[0]);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", fail);
    child.once("exit", (status) => fail(new Error(`the program ended with ${status}:\n${said}`)));
  });
  return {
    address: new URL(link).origin,
    link,
    repository: cwd,
    async stop() {
      stopping = true;
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
