/** The JSON that the server routes and the kernel answer with. */

/** One stored snapshot. */
export interface ISnapshot {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly created: string;
  readonly flavor: string;
  readonly aliases: readonly string[];
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Why a run failed, and where. */
export interface IFailure {
  readonly name: string;
  readonly message: string;
  readonly cell: number | null;
  readonly total: number | null;
}

/** One run of a notebook, or of a command. */
export interface IRun {
  readonly id: string;
  /** The notebook's file; null if a command runs. */
  readonly notebook: string | null;
  /** The command, in words; null if a notebook runs. */
  readonly command: string | null;
  /** The schedule that began it. */
  readonly schedule: string | null;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'stopped' | 'lost';
  readonly created: string | null;
  readonly seconds: number | null;
  readonly error: IFailure | null;
  /** Cells executed, and cells in all (null while unknown); seconds gone and, where earlier runs tell, left. */
  readonly progress: {
    readonly done: number;
    readonly total: number | null;
    readonly seconds?: number | null;
    readonly left?: number | null;
  } | null;
  readonly attempt: number;
  /** What it waits for while it is queued. */
  readonly waits: string | null;
  /** Figures that it published. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Files that it published: where they open in JupyterLab; null if they lie elsewhere. */
  readonly links: Readonly<Record<string, string | null>>;
  /** Where the executed notebook opens in JupyterLab; null if it lies elsewhere. */
  readonly opens: string | null;
  /** Whether there is a report of it. */
  readonly reports: boolean;
}

/** What a run then counts as that is stopped. */
export type Ends = 'stopped' | 'failed' | 'succeeded';

/** A part of a run's log; positions count bytes. */
export interface ILogPart {
  readonly text: string;
  /** Later than was asked for, where too much is between. */
  readonly begin: number;
  readonly end: number;
  /** Whether nothing follows. */
  readonly final: boolean;
}

/** One schedule. */
export interface ISchedule {
  readonly name: string;
  /** What it runs, in short. */
  readonly runs: string;
  readonly cron: string;
  readonly timezone: string;
  readonly paused: boolean;
  /** Moments, on the clock of its zone. */
  readonly next: readonly string[];
  /** What became of its last time. */
  readonly last: {
    readonly due: string;
    readonly state: string;
    readonly note: string;
    readonly run: { readonly id: string; readonly status: IRun['status'] } | null;
  } | null;
  /** What to do so that it is run always; empty if it is. */
  readonly advice: string;
}

/** When a cron line would be due. */
export interface IPreview {
  readonly timezone: string;
  readonly next: readonly string[];
  /** What words in double braces become at the first time. */
  readonly words: Readonly<Record<string, string>>;
}

/** What became of a schedule that was triggered. */
export interface ITriggered {
  readonly run: { readonly id: string } | null;
  readonly waits_for: string | null;
}

/** One parameter of a notebook. */
export interface IParameter {
  readonly name: string;
  readonly type: string;
  /** The texts to choose from, null if there are others. */
  readonly choices: readonly string[] | null;
  readonly default: unknown;
  readonly written: string;
  readonly required: boolean;
  readonly help: string;
}

/** What answers in a deployment. */
export interface IServing {
  readonly model?: string;
  readonly version: number;
  readonly digest: string;
  readonly share: number;
}

/** A named model on a target. */
export interface IDeployment {
  readonly name: string;
  readonly state: string;
  readonly serving: readonly IServing[];
}

/** A remote place that can serve. */
export interface ITarget {
  readonly target: string;
  readonly url: string;
  readonly healthy: boolean;
  /** Why it is not healthy. */
  readonly reason?: string;
  readonly deployments: readonly IDeployment[];
}

/** What a push did. */
export interface IPush {
  readonly target: string;
  readonly deployment: string;
  readonly snapshot: string;
  readonly state: string;
}

/** A fitted model in the kernel, with what to snapshot it with by default. */
export interface IModel {
  readonly name: string;
  readonly type: string;
  readonly suggestion: string;
  readonly data: string;
  readonly labels: string;
}

/** A variable in the kernel that holds rows. */
export interface IRows {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

/** What a look into the kernel found. */
export interface IFound {
  readonly models: readonly IModel[];
  readonly data: readonly IRows[];
}

/** What to snapshot: names in the kernel, and the name in the store. */
export interface ISnapshotOrder {
  readonly model: string;
  readonly name: string;
  readonly data: string;
  readonly labels: string;
}

/** What to push, and where. */
export interface IPushOrder {
  readonly ref: string;
  readonly to: string;
  readonly new: boolean;
}

/** How to run a notebook: values for its parameters, and where the executed one goes (empty: to the run's folder). */
export interface IRunOrder {
  readonly parameters: Values;
  readonly output: string;
}

/** When to run a notebook again and again, and how. */
export interface IScheduleOrder extends IRunOrder {
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly missed: string;
}

/** What can be done to a schedule. */
export type Change = 'pause' | 'resume' | 'remove';

/** The values that a form gives to a notebook's parameters; texts are read by the declared types. */
export type Values = Readonly<Record<string, string | boolean>>;
