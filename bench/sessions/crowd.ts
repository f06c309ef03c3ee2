import type { BenchOptions } from "../harness/bench-options.ts";
import { figure, type Report } from "../harness/report.ts";
import { medians } from "../harness/statistics.ts";
import { bareCrowd } from "./bare-crowd.ts";
import { signalboxCrowd } from "./signalbox-crowd.ts";

const SESSIONS = 100;

/** A hundred agents at once, by themselves and as sessions of one runner. */
export async function crowd(options: BenchOptions): Promise<Report> {
  // A turn takes a minute, most of it the agents' own.
  const rounds = Math.min(2, options.rounds);
  const bareRounds = [];
  const ownRounds = [];
  for (let round = 1; round <= rounds; round++) {
    options.say(`sessions, round ${round}: ${SESSIONS} agents at once, bare`);
    bareRounds.push(await bareCrowd(SESSIONS));
    options.say(`sessions, round ${round}: ${SESSIONS} sessions at once on one runner`);
    ownRounds.push(await signalboxCrowd(SESSIONS, round === 1 ? options.profileDir : undefined));
  }
  const [bare, own] = [medians(bareRounds), medians(ownRounds)];
  const fewest = Math.min(...ownRounds.map(({ completed }) => completed));
  return {
    title: `Sessions: ${SESSIONS} at once on one runner`,
    what: `The scripted agent, ${SESSIONS} times: all begun at once, and once all have said their first words and rested, all told something at once, which each answers with 50 words, one every 100 ms. Bare: the same agents, begun and spoken to by this program. Signalbox: server and runner in processes and sessions of their own, as services are, no sandbox, a client that follows each session; milliseconds from the order (a process, a POST) to the first words of the answer. Memory is resident memory; of the agents, each page by its share. Processor time is that of server and runner without the agents. Median of ${rounds}.`,
    columns: ["", "bare", "Signalbox"],
    rows: [
      ["begun → first words, p50 ms", figure(bare?.startP50Ms), figure(own?.startP50Ms)],
      ["begun → first words, p99 ms", figure(bare?.startP99Ms), figure(own?.startP99Ms)],
      ["told → first words, p50 ms", figure(bare?.talkP50Ms), figure(own?.talkP50Ms)],
      ["told → first words, p99 ms", figure(bare?.talkP99Ms), figure(own?.talkP99Ms)],
      ["memory of an agent, MB", figure(bare?.agentMb), figure(own?.agentMb)],
      ["runner: memory at rest, MB", "–", figure(own?.runnerRestMb)],
      [`runner: memory with ${SESSIONS} sessions, MB`, "–", figure(own?.runnerMb)],
      ["runner: for each session, kB", "–", figure(own?.runnerKbEach)],
      ["server: for each session and its follower, kB", "–", figure(own?.serverKbEach)],
      ["runner: CPU ms for each start", "–", figure(own?.runnerStartCpuMs)],
      ["server: CPU ms for each start", "–", figure(own?.serverStartCpuMs)],
      ["runner: CPU while nobody talks, % of a core", "–", figure(own?.runnerIdlePercent)],
      ["server: CPU while nobody talks, % of a core", "–", figure(own?.serverIdlePercent)],
      ["runner: CPU while all talk, % of a core", "–", figure(own?.runnerTalkPercent)],
      ["server: CPU while all talk, % of a core", "–", figure(own?.serverTalkPercent)],
    ],
    aims: [{ text: `all ${SESSIONS} end in good order`, isMet: fewest === SESSIONS, came: `${fewest} in every round` }],
  };
}
