import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { App } from './app';
import { FakeEngine, someTables } from './test/fake-engine';

async function withPalette() {
  const user = userEvent.setup();
  render(<App engine={new FakeEngine(someTables())} />);
  await user.upload(screen.getByTestId('files'), new File([new Uint8Array(8)], 'vmcore'));
  await screen.findByRole('heading', { level: 1, name: 'sysrq triggered crash' });
  await user.keyboard('{Control>}k{/Control}');
  const input = await screen.findByRole('combobox');
  return { user, input };
}

it('a name that is nowhere is said to be nowhere', async () => {
  const { user, input } = await withPalette();
  await user.type(input, 'zzzz');
  await screen.findByText('Nothing in this dump is called “zzzz”.');
  expect(screen.queryByRole('option')).toBeNull();
});

it('Enter right after the last letter takes what is found', async () => {
  const { user, input } = await withPalette();
  await user.type(input, 'trigger{Enter}');
  const details = await screen.findByRole('complementary', { name: 'Details' });
  await within(details).findByRole('heading', { name: /trigger/ });
  expect(window.location.hash).toBe('#threads?pid=134&tid=140');
});

it('the arrow keys choose among what is offered', async () => {
  const { user, input } = await withPalette();
  await user.type(input, '134');
  await screen.findByRole('option', { name: /crashed thread/ });
  await user.keyboard('{ArrowDown}{ArrowDown}{Enter}');
  expect(window.location.hash).toBe('#memory/134');
});
