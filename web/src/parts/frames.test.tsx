import { render, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Frames } from './frames';

it('marks functions that were inlined', () => {
  render(
    <Frames
      frames={[
        { frame: 0, pc: '0x10', symbol: 'list_del', offset: null, inlined: true },
        { frame: 0, pc: '0x10', symbol: 'do_exit', offset: 8, inlined: false },
      ]}
    />,
  );
  const [inner, outer] = screen.getAllByRole('listitem');
  expect(within(inner!).getByText('inlined')).toBeTruthy();
  expect(inner!.textContent).toContain('list_del');
  expect(within(outer!).queryByText('inlined')).toBeNull();
  expect(outer!.textContent).toContain('do_exit+0x8');
});
