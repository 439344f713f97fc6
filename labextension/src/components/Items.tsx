import React from 'react';

import { Done } from './parts';

/** What the form of an item is given: `done` closes it and says what was done, `cancel` only closes it. */
export interface IFormEnds {
  done: (message: string) => void;
  cancel: () => void;
}

/** Named things in a list, of which one at a time opens its form. */
export function Items<T extends { name: string }>(props: {
  label: string;
  items: readonly T[];
  action: string;
  actionOn: (name: string) => string;
  line: (item: T) => React.ReactNode;
  form: (item: T, ends: IFormEnds) => React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState('');
  const [message, setMessage] = React.useState('');
  const choose = (name: string, said = ''): void => {
    setOpen(name);
    setMessage(said);
  };
  return (
    <>
      <ul className="nbd-List" aria-label={props.label}>
        {props.items.map(item => (
          <li key={item.name} className="nbd-Item">
            <div className="nbd-Line">
              <div className="nbd-Line-text">{props.line(item)}</div>
              {open === item.name ? null : (
                <button
                  type="button"
                  className="nbd-Button"
                  aria-label={props.actionOn(item.name)}
                  onClick={() => choose(item.name)}
                >
                  {props.action}
                </button>
              )}
            </div>
            {open === item.name
              ? props.form(item, { done: said => choose('', said), cancel: () => choose('') })
              : null}
          </li>
        ))}
      </ul>
      <Done message={message} />
    </>
  );
}
