// The product in a browser: enter it, walk through it, end the check with what went wrong.
import { openBrowser } from './browser.mjs'

export async function openApp({ origin, token, username, password, shots }) {
  const { context, page, trouble, shot } = await openBrowser({ origin, shots })
  const started = Date.now()
  const say = (text) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)
  const settled = async () => {
    await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'), null, { timeout: 20_000 })
    await page.waitForTimeout(120)
  }

  /** Walks to a page inside the app: no reload, so that the live connection stays. */
  async function walk(path) {
    await page.evaluate((to) => {
      history.pushState(history.state, '', to)
      dispatchEvent(new PopStateEvent('popstate', { state: history.state }))
    }, path)
    await page.waitForURL(`${origin}${path}`)
    await settled()
    const bad = await page.locator('main [role="alert"]').allInnerTexts()
    if (bad.length > 0) throw new Error(`${path} shows a problem: ${bad.join(' | ')}`)
  }

  async function setUp() {
    if (!token) throw new Error('the server waits for its set-up: give AIOPS_SETUP_TOKEN')
    if ((await page.inputValue('input[name="token"]')) !== token) throw new Error('the token of the address is not in its field')
    if (page.url().includes(token)) throw new Error('the token stays in the address')
    await shot('setup')
    await page.fill('input[name="username"]', username)
    await page.fill('input[name="password"]', password)
    await page.fill('input[name="repeat"]', password)
    await page.click('button[type="submit"]')
    await page.waitForSelector('[data-test="account"]')
    say('set up')
    await page.click('[data-test="account"]')
    await page.click('[data-test="logout"]')
    await page.waitForURL('**/login')
  }

  /** Sets up when that is due, then logs in. */
  async function enter() {
    await page.goto(token ? `${origin}/setup#?token=${encodeURIComponent(token)}` : `${origin}/login`)
    await page.waitForSelector('input[name="password"]')
    if (await page.locator('input[name="token"]').count()) await setUp()
    await shot('login')
    await page.fill('input[name="username"]', username)
    await page.fill('input[name="password"]', password)
    await page.click('button[type="submit"]')
    await page.waitForSelector('[data-test="live"][data-state="open"]', { timeout: 20_000 })
    say('logged in, live')
  }

  /** Says what went wrong and ends the process: 0 only when nothing did. */
  async function finish(failure) {
    if (failure) await shot('failure', { fullPage: true }).catch(() => undefined)
    await context.close()
    for (const line of trouble) console.error(`FAIL  ${line}`)
    if (failure) console.error(`FAIL  ${failure.stack ?? failure}`)
    const good = !failure && trouble.length === 0
    console.log(good ? 'e2e: passed' : 'e2e: failed')
    process.exit(good ? 0 : 1)
  }

  return { page, trouble, shot, say, settled, walk, enter, finish }
}
