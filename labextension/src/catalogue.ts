import type { ISnapshot } from './documents';

/** Everything stored under one name. */
export interface IEntry {
  readonly name: string;
  readonly latest: ISnapshot;
  /** Aliases of all versions, each with the version that it means, those of the newest first. */
  readonly aliases: readonly { readonly alias: string; readonly version: number }[];
}

/** Gather versions by name: names in order, with their latest version and all aliases. */
export function catalogueOf(snapshots: readonly ISnapshot[]): IEntry[] {
  const names = [...new Set(snapshots.map(snapshot => snapshot.name))].sort();
  return names.map(name => entryOf(name, snapshots.filter(snapshot => snapshot.name === name)));
}

function entryOf(name: string, versions: readonly ISnapshot[]): IEntry {
  const latest = versions.reduce((one, other) => (other.version > one.version ? other : one));
  const aliases = versions.flatMap(({ version, aliases }) => aliases.map(alias => ({ alias, version })));
  aliases.sort((one, other) => other.version - one.version || one.alias.localeCompare(other.alias));
  return { name, latest, aliases };
}

/** The references under which an entry can be pushed, the likeliest first. */
export function refsOf(entry: IEntry): string[] {
  return [`${entry.name}:${entry.latest.version}`, ...entry.aliases.map(({ alias }) => `${entry.name}@${alias}`)];
}

/** A name for the store from the notebook's: `Churn model.ipynb` gives `churn-model`; `Untitled` says nothing. */
export function nameOf(notebook: string): string {
  const stem = notebook.replace(/\.[^.]*$/, '').toLowerCase();
  const name = stem.replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+|-+$/g, '');
  return /^untitled\d*$/.test(name) ? '' : name.slice(0, 63);
}
