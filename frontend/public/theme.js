// Applies the stored or the system's colour scheme before the first paint; the app keeps it up to date.
;(function () {
  var wanted = null
  try { wanted = JSON.parse(localStorage.getItem('aiops.preferences') || '{}').theme } catch { wanted = null }
  var dark = wanted === 'dark' || (wanted !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.classList.toggle('dark', dark)
})()
