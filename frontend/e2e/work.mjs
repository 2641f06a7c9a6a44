// What people do beyond the loop: assign, judge, split and merge an incident, give an opinion, pause the queue, make a sender's
// token, compare versions. Against a mock that it starts itself, or AIOPS_URL.
//
//   npm run build && node e2e/work.mjs
//
// AIOPS_SHOTS   folder for screenshots (none)
import { openApp } from './app.mjs'
import { startMock } from './mock.mjs'

const given = process.env.AIOPS_URL?.replace(/\/$/, '')
const mock = given ? null : await startMock({ port: 0 })
const origin = given ?? `http://127.0.0.1:${mock.port}`
const { page, shot, say, settled, walk, enter, finish } = await openApp({
  origin, token: process.env.AIOPS_SETUP_TOKEN ?? '', username: process.env.AIOPS_USER ?? 'admin', password: process.env.AIOPS_PASSWORD ?? 'correct-horse-battery', shots: process.env.AIOPS_SHOTS ?? '',
})
const first = (selector) => page.locator(selector).first()

async function more(what) {
  await page.click('[data-test="more"]')
  await first(`[data-test="${what}"]:visible`).click()
  await page.waitForSelector('[data-test="more-go"]:visible')
}
async function done() {
  await page.click('[data-test="more-go"]:visible')
  await page.waitForSelector('[data-test="more-go"]', { state: 'hidden' })
  await settled()
}
async function incident() {
  await walk('/incidents')
  // One that nothing acts on, so that its members may be moved.
  const row = first('[data-test="incident-row"]:has([data-value="open"]), [data-test="incident-row"]:has([data-value="escalated"])')
  await walk(`/incidents/${await row.getAttribute('data-id')}`)
  await more('do-assign')
  await first('[data-test="assignee"] input, input[data-test="assignee"]').fill('admin')
  await done()
  await page.waitForSelector('[data-test="assigned"]')
  await more('do-severity')
  await page.click('.el-dialog:visible label:has-text("Info")')
  await done()
  await page.waitForSelector('main [data-test="incident-state"] [data-value="info"]')
  say('assigned, severity set')
  await more('do-merge')
  await page.waitForSelector('[data-test="pick"]')
  await page.locator('[data-test="pick"]:has([data-value="open"]), [data-test="pick"]:has([data-value="escalated"])').first().click()
  await shot('merge')
  const before = page.url()
  await page.click('[data-test="more-go"]:visible')
  await page.waitForURL((url) => url.href !== before)
  await page.waitForSelector('[data-test="merged"]')
  say('merged')
  await more('do-split')
  await first('[data-test="split-member"]').check()
  await shot('split')
  const whole = page.url()
  await page.click('[data-test="more-go"]:visible')
  await page.waitForURL((url) => url.href !== whole)
  await page.waitForSelector('[data-test="splitFrom"]')
  say('split')
}
async function opinion() {
  await walk('/anomalies')
  await first('[data-test="anomaly-row"] a').click()
  await page.waitForSelector('[data-test="sentence"]')
  await page.click('[data-test="noise"]')
  await page.waitForSelector('[data-test="feedback"] [data-value="noise"]')
  await shot('opinion')
  say('called noise')
}
async function queue() {
  await walk('/queue')
  await page.click('[data-test="pause"]')
  await first('[data-test="pause-reason"] input, input[data-test="pause-reason"]').fill('a rebuild of the cluster')
  await page.click('[data-test="pause-go"]')
  await page.waitForSelector('[data-test="paused"]')
  await shot('queue-paused')
  await page.click('[data-test="resume"]')
  await page.waitForSelector('[data-test="paused"]', { state: 'detached' })
  say('queue paused and resumed')
}
async function sender() {
  await walk('/sources/new')
  await page.fill('input[name="name"]', `sender ${Date.now().toString(36)}`)
  await page.locator('.el-form-item:has-text("Kind") .el-select').first().click()
  await page.locator('.el-select-dropdown__item:visible').filter({ hasText: 'Alertmanager' }).click()
  await page.click('[data-test="save"]')
  await page.waitForSelector('[data-test="create-token"]')
  await page.click('[data-test="create-token"]')
  await page.click('.el-message-box__btns .el-button--primary')
  await page.waitForSelector('[data-test="token"] code')
  const token = await page.locator('[data-test="token"] code').innerText()
  if (!(await page.locator('pre.snippet').innerText()).includes(token)) throw new Error('the configuration lacks the token')
  await shot('sender')
  say('token made')
}
async function topology() {
  await walk('/topology')
  await page.waitForSelector('[data-test="topology-graph"]')
  if (await page.locator('g.node').count() < 2) return say('a graph of one, nothing to walk')
  // The keyboard alone: to the graph, along it, and into a node.
  await first('g.node[tabindex="0"]').focus()
  const from = await first('g.node[tabindex="0"]').getAttribute('data-node')
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowUp', 'ArrowLeft']) await page.keyboard.press(key)
  await page.keyboard.press('ArrowRight')
  const to = await page.evaluate(() => document.activeElement?.getAttribute('data-node'))
  if (!to) throw new Error(`the arrows lead from ${from} out of the graph`)
  await page.keyboard.press('Enter')
  await page.waitForSelector('[data-test="topology-node"]')
  await shot('topology')
  await walk('/incidents')
  await walk(`/incidents/${await first('[data-test="incident-row"]').getAttribute('data-id')}`)
  await page.waitForSelector('[data-test="incident-topology"]')
  await page.locator('[data-test="incident-topology"]').scrollIntoViewIfNeeded()
  await shot('incident-topology', { fullPage: true })
  return say('walked the topology')
}
async function versions() {
  await walk('/scripts')
  await first('[data-test="row"] a').click()
  await page.waitForSelector('[data-test="versions"] li')
  if (await page.locator('[data-test="versions"] li').count() < 2) return say('only one version, nothing to compare')
  await first('[data-test="compare"]').click()
  await page.waitForSelector('[data-test="diff"]')
  await shot('versions')
  await page.click('[data-test="restore"]')
  await page.click('.el-message-box__btns .el-button--primary')
  await page.waitForSelector('[data-test="restore"]', { state: 'hidden' })
  return say('older version restored')
}

let failure = null
try {
  await enter()
  await settled()
  await topology()
  await queue()
  await sender()
  await versions()
  await opinion()
  await incident()
} catch (error) {
  failure = error
}
await finish(failure)
