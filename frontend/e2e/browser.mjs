// A browser for the end-to-end check: Debian's chromium, with every console error and every foreign request kept.
import { execSync } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

/** Opens a browser on `origin`; `trouble` grows by one line per error or request to another origin. */
export async function openBrowser({ origin, width = 1440, height = 900, shots = '' }) {
  const executablePath = process.env.CHROMIUM ?? execSync('command -v chromium').toString().trim()
  const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'aiops-e2e-')), {
    executablePath, headless: true, viewport: { width, height }, locale: 'en-GB', colorScheme: 'light', serviceWorkers: 'block',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const trouble = []
  const page = context.pages()[0] ?? (await context.newPage())
  const watch = (one) => {
    one.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') trouble.push(`console ${message.type()} at ${one.url()}: ${message.text()} ${message.location().url}`)
    })
    one.on('pageerror', (error) => trouble.push(`page error at ${one.url()}: ${error.message}`))
    one.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(origin) && !url.startsWith('data:') && !url.startsWith('blob:')) trouble.push(`request to another origin: ${url}`)
    })
  }
  watch(page)
  context.on('page', watch)
  if (shots) mkdirSync(shots, { recursive: true })
  const shot = async (name, options = {}) => {
    if (!shots) return
    await page.waitForTimeout(350)
    await page.screenshot({ path: join(shots, `${name}.png`), ...options })
  }
  return { context, page, trouble, shot }
}
