import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { type IEntry, catalogueOf } from '../catalogue';
import type { IDeployActions, IDeployState } from '../model';
import { numberOf, timeOf } from './format';
import { Done, Empty, Failure, Section } from './parts';
import { PushForm } from './PushForm';

const SHOWN_METRICS = 2;

/** The snapshots in the store, each with a way to a target. */
export function Snapshots(props: {
  state: IDeployState;
  actions: IDeployActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, trans } = props;
  const { value, error, known } = state.snapshots;
  const [open, setOpen] = React.useState('');
  const [done, setDone] = React.useState('');
  const entries = React.useMemo(() => catalogueOf(value), [value]);
  const choose = (name: string): void => {
    setOpen(name);
    setDone('');
  };
  return (
    <Section title={trans.__('Snapshots')} count={entries.length}>
      <Failure message={error} />
      {known && entries.length === 0 ? (
        <Empty>{trans.__('Nothing stored yet. Snapshot a fitted model, and it appears here.')}</Empty>
      ) : null}
      <ul className="nbd-List" aria-label={trans.__('Snapshots')}>
        {entries.map(entry => (
          <li key={entry.name} className="nbd-Item">
            <EntryLine entry={entry} isOpen={open === entry.name} choose={choose} trans={trans} />
            {open === entry.name ? (
              <PushForm
                entry={entry}
                targets={state.targets.value}
                submit={async order => {
                  const pushed = await actions.push(order);
                  choose('');
                  setDone(trans.__('%1 answers at %2.', pushed.snapshot, placeOf(pushed)));
                }}
                cancel={() => choose('')}
                trans={trans}
              />
            ) : null}
          </li>
        ))}
      </ul>
      <Done message={done} />
    </Section>
  );
}

function EntryLine(props: {
  entry: IEntry;
  isOpen: boolean;
  choose: (name: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { entry, trans } = props;
  return (
    <div className="nbd-Line">
      <div className="nbd-Line-text">
        <span className="nbd-Line-name" title={entry.latest.digest}>
          {entry.name}
          <span className="nbd-Version">{`:${entry.latest.version}`}</span>
        </span>
        {entry.aliases.map(({ alias, version }) => (
          <span key={alias} className="nbd-Chip" title={`${entry.name}:${version}`}>
            {version === entry.latest.version ? alias : `${alias} → ${version}`}
          </span>
        ))}
        <span className="nbd-Line-detail" title={metricsOf(entry).join('\n')}>
          {[...metricsOf(entry).slice(0, SHOWN_METRICS), timeOf(entry.latest.created)].filter(Boolean).join(' · ')}
        </span>
      </div>
      {props.isOpen ? null : (
        <button
          type="button"
          className="nbd-Button"
          aria-label={trans.__('Push %1', entry.name)}
          onClick={() => props.choose(entry.name)}
        >
          {trans.__('Push')}
        </button>
      )}
    </div>
  );
}

function metricsOf({ latest }: IEntry): string[] {
  return Object.entries(latest.metrics ?? {}).map(([name, value]) => `${name} ${numberOf(value)}`);
}

function placeOf(pushed: { target: string; deployment: string }): string {
  return `${pushed.target}/${pushed.deployment}`;
}
