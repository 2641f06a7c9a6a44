// The whole loop in a browser: set up or log in, see an incident heal without a reload, read the run's log, visit every
// page in both languages and both colour schemes. Fails on any console error and any request to another origin.
//
//   AIOPS_URL=http://127.0.0.1:3030 AIOPS_SETUP_TOKEN=... node e2e/loop.mjs
//
// AIOPS_USER, AIOPS_PASSWORD   account to make or to log in with (admin, a fixed password of the check)
// AIOPS_WAIT_MINUTES           longest wait for the healed incident (10)
// AIOPS_INCIDENT               id of the incident to watch; else the first that is seen healing after login
// AIOPS_SHOTS                  folder for screenshots (none)
import { openApp } from './app.mjs'

const origin = (process.env.AIOPS_URL ?? 'http://127.0.0.1:3030').replace(/\/$/, '')
const token = process.env.AIOPS_SETUP_TOKEN ?? ''
const username = process.env.AIOPS_USER ?? 'admin'
const password = process.env.AIOPS_PASSWORD ?? 'correct-horse-battery'
const minutes = Number(process.env.AIOPS_WAIT_MINUTES ?? 10)
/** Sections of the menu with a form for a new object. */
const EDITABLE = ['/policies', '/cases', '/scripts', '/schedules', '/runtime-managers', '/monitors', '/sources', '/channels']

const { page, shot, say, settled, walk, enter, finish } = await openApp({ origin, token, username, password, shots: process.env.AIOPS_SHOTS ?? '' })

/** The incident to watch: the one named, else the first that is being healed. */
async function chooseIncident(deadline) {
  if (process.env.AIOPS_INCIDENT) return process.env.AIOPS_INCIDENT
  for (;;) {
    const busy = page.locator('[data-test="incident-row"]:has([data-value="healing"], [data-value="verifying"])').first()
    if (await busy.count()) return busy.getAttribute('data-id')
    if (Date.now() > deadline) throw new Error(`no incident was being healed within ${minutes} minutes`)
    await page.waitForTimeout(300)
  }
}

async function watchHeal() {
  const deadline = Date.now() + minutes * 60_000
  const id = await chooseIncident(deadline)
  say(`incident ${id}`)
  await walk(`/incidents/${id}`)
  await page.evaluate(() => { window.name = 'not reloaded' })
  let last = ''
  for (;;) {
    const state = await page.getAttribute('[data-test="incident-state"]', 'data-state')
    if (state !== last) {
      say(`state shown: ${state}`)
      if (state && state !== 'open') await shot(`incident-${state}`)
      last = state ?? ''
    }
    if (state === 'resolved') break
    if (Date.now() > deadline) throw new Error(`the incident is still ${state} after ${minutes} minutes`)
    await page.waitForTimeout(200)
  }
  if ((await page.evaluate(() => window.name)) !== 'not reloaded') throw new Error('the page was reloaded')
  await page.waitForSelector('[data-test="loop"] [data-step="verified"][data-state="done"]', { timeout: 15_000 })
  await page.waitForSelector('[data-test="timeline"] [data-kind="resolved"]')
  await page.waitForSelector('[data-test="decisions"] [data-outcome]')
  await page.waitForSelector('[data-test="verification"][data-verdict="fixed"]')
  await page.waitForSelector('[data-test="chart"] canvas')
  await settled()
  await shot('incident-healed', { fullPage: true })
  say('healed and verified, shown without a reload')
  return id
}

async function readLog(incident) {
  await page.click('[data-test="run-row"] a')
  await page.waitForURL('**/runs/*')
  await settled()
  await page.waitForFunction(() => Number(document.querySelector('[data-test="log-lines"]')?.getAttribute('data-lines')) > 0, null, { timeout: 20_000 })
  const lines = await page.getAttribute('[data-test="log-lines"]', 'data-lines')
  const state = await page.getAttribute('[data-test="run-state"]', 'data-state')
  await shot('run')
  await page.click('[data-test="tab-script"]')
  await page.waitForSelector('.cm-content')
  say(`log of the run of ${incident}: ${lines} lines, run ${state}`)
}

async function setTheme(theme) {
  await page.click('[data-test="theme"]')
  await page.click(`[data-test="theme-${theme}"]:visible`)
  await page.waitForFunction((dark) => document.documentElement.classList.contains('dark') === dark, theme === 'dark')
}
async function swapLanguage(lang) {
  await page.click('[data-test="language"]')
  await page.waitForFunction((wanted) => document.documentElement.lang === wanted, lang)
}

/** What the menu offers: pages that this server lacks are not there. */
const menuPaths = () => page.locator('nav.side a.entry').evaluateAll((links) => links.map((a) => new URL(a.href).pathname))

async function visitAll(incident) {
  const pages = await menuPaths()
  const forms = EDITABLE.filter((path) => pages.includes(path)).map((path) => `${path}/new`)
  const rounds = [['en', 'light'], ['en', 'dark'], ['zh-CN', 'dark'], ['zh-CN', 'light']]
  let language = 'en'
  for (const [lang, theme] of rounds) {
    if (lang !== language) await swapLanguage(lang)
    language = lang
    await setTheme(theme)
    const first = {}
    for (const path of pages) {
      await walk(path)
      await shot(`${lang}-${theme}${path === '/' ? '-dashboard' : path.replaceAll('/', '-')}`)
      const link = page.locator('[data-test="row"] a, [data-test="manager"] a.name').first()
      if (await link.count()) first[path] = await link.getAttribute('href')
    }
    for (const path of [...forms, ...Object.values(first), ...(incident ? [`/incidents/${incident}`] : [])]) {
      await walk(path)
      if (path.includes('/scripts/')) await page.waitForSelector('.cm-content')
      const name = path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'one').replaceAll('/', '-')
      await shot(`${lang}-${theme}${name}`)
    }
    say(`${pages.length + forms.length + Object.keys(first).length} pages in ${lang}, ${theme}`)
  }
}

async function keyboard() {
  await walk('/')
  await page.keyboard.press('g')
  await page.keyboard.press('i')
  await page.waitForURL('**/incidents')
  await page.keyboard.press('/')
  await page.waitForFunction(() => document.activeElement?.closest('[data-search]') !== null)
  await page.keyboard.press('Escape')
  await page.evaluate(() => document.activeElement?.blur())
  await page.keyboard.press('?')
  await page.waitForSelector('.el-dialog:visible')
  await page.keyboard.press('Escape')
  say('keyboard')
}

let failure = null
try {
  await enter()
  await settled()
  await shot('dashboard')
  const incident = await watchHeal()
  await readLog(incident)
  await keyboard()
  await visitAll(incident)
  // A reload restores the session from the refresh token.
  await page.goto(`${origin}/incidents/${incident}`)
  await page.waitForSelector('[data-test="incident-state"][data-state="resolved"]')
  say('session survives a reload')
} catch (error) {
  failure = error
}
await finish(failure)
