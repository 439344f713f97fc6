import type { TranslationBundle } from '@jupyterlab/translation';
import { deleteIcon, fastForwardIcon, pauseIcon, runIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { ISchedule } from '../documents';
import type { IDeployActions, IDeployState } from '../model';
import { wordOf } from '../wording';
import { useAttempt } from './attempt';
import { clockOf } from './format';
import { Form } from './Form';
import { Done, Empty, Failure, IconButton, Section } from './parts';
import { Times } from './When';

/** What runs again and again, and when next. */
export function Schedules(props: {
  state: IDeployState;
  actions: IDeployActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, trans } = props;
  const { value, error, known } = state.schedules;
  return (
    <Section title={trans.__('Schedules')} count={value.length}>
      <Failure message={error} />
      {known && value.length === 0 ? (
        <Empty>{trans.__('No schedules yet. A notebook’s form has the choice “On a schedule”.')}</Empty>
      ) : null}
      {value[0] ? <Scheduler advice={value[0].advice} trans={trans} /> : null}
      <ul className="nbd-List" aria-label={trans.__('Schedules')}>
        {value.map(schedule => (
          <li key={schedule.name} className="nbd-Item">
            <ScheduleLine schedule={schedule} actions={actions} trans={trans} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Whether somebody sees to schedules. */
function Scheduler(props: { advice: string; trans: TranslationBundle }): JSX.Element {
  const { advice, trans } = props;
  const said = advice ? advice.charAt(0).toUpperCase() + advice.slice(1) : trans.__('A scheduler sees to them.');
  return <p className="nbd-Empty">{said}</p>;
}

function ScheduleLine(props: { schedule: ISchedule; actions: IDeployActions; trans: TranslationBundle }): JSX.Element {
  const { schedule, actions, trans } = props;
  const { name, paused } = schedule;
  const [asked, setAsked] = React.useState(false);
  const [message, setMessage] = React.useState('');
  const { busy, error, make } = useAttempt();
  const trigger = async (): Promise<void> => {
    setMessage('');
    const { run, waits_for: waits } = await actions.trigger(name);
    const soon = waits ? trans.__('It begins when run %1 has ended.', waits) : trans.__('It begins soon.');
    setMessage(run ? '' : soon);
  };
  return (
    <>
      <div className="nbd-Line">
        <div className="nbd-Line-text">
          <span className="nbd-Line-name" title={schedule.runs}>
            {name}
          </span>
          {paused ? <span className="nbd-Chip">{trans.__('paused')}</span> : null}
          <span className="nbd-Line-detail">{schedule.runs}</span>
        </div>
        <div className="nbd-Buttons">
          <IconButton
            icon={fastForwardIcon}
            label={trans.__('Run %1 once, now', name)}
            disabled={busy}
            onClick={() => void make(trigger)}
          />
          <IconButton
            icon={paused ? runIcon : pauseIcon}
            label={paused ? trans.__('Resume %1', name) : trans.__('Pause %1', name)}
            disabled={busy}
            onClick={() => void make(() => actions.change(name, paused ? 'resume' : 'pause'))}
          />
          <IconButton
            icon={deleteIcon}
            label={trans.__('Remove %1', name)}
            expanded={asked}
            disabled={busy}
            onClick={() => setAsked(!asked)}
          />
        </div>
      </div>
      <Coming schedule={schedule} trans={trans} />
      {schedule.last ? <div className="nbd-Line-detail">{lastOf(schedule, trans)}</div> : null}
      <Failure message={error} />
      <Done message={message} />
      {asked ? (
        <Form
          label={trans.__('Remove %1', name)}
          action={trans.__('Remove')}
          busy={trans.__('Removing…')}
          submit={async () => {
            await actions.change(name, 'remove');
          }}
          cancel={() => setAsked(false)}
          trans={trans}
        >
          <p className="nbd-Empty">{trans.__('The schedule is forgotten; its runs stay.')}</p>
        </Form>
      ) : null}
    </>
  );
}

/** The next time; the ones after it when it is opened. */
function Coming(props: { schedule: ISchedule; trans: TranslationBundle }): JSX.Element {
  const { schedule, trans } = props;
  const { next, timezone, paused } = schedule;
  const [first, ...others] = next;
  if (!first) {
    return <div className="nbd-Line-detail">{paused ? trans.__('rests') : trans.__('is over')}</div>;
  }
  return (
    <details className="nbd-Details">
      <summary title={`${schedule.cron} (${timezone})`}>{`${trans.__('next')} ${clockOf(first, timezone)}`}</summary>
      <Times times={others} zone={timezone} />
      <p className="nbd-Empty">{`${schedule.cron} (${timezone})`}</p>
    </details>
  );
}

function lastOf({ last, timezone }: ISchedule, trans: TranslationBundle): string {
  if (!last) {
    return '';
  }
  const became = last.run ? wordOf(last.run.status, trans) : [last.state, last.note].filter(Boolean).join(': ');
  return `${trans.__('last')} ${clockOf(last.due, timezone)}: ${became}`;
}
