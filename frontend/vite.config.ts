// Build: on-demand Element Plus, named vendor chunks, development proxy to the product.
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import Components from 'unplugin-vue-components/vite'
import { defineConfig } from 'vite'

const target = process.env['AIOPS_URL'] ?? 'http://127.0.0.1:3030'

/** Vendor chunks, so that a new release of ours leaves the vendors in the browser's cache; the first that fits takes it. */
const groups = [
  { name: 'framework', test: /node_modules\/(vue|@vue|vue-router|pinia|vue-i18n|@intlify)\// },
  { name: 'charts', test: /node_modules\/(echarts|zrender)\// },
  { name: 'editor', test: /node_modules\/(@codemirror|@lezer|style-mod|w3c-keyname|crelt)\// },
  { name: 'elements', test: /node_modules\/(element-plus|@element-plus|@floating-ui|@popperjs|async-validator|@ctrl|@vueuse|lodash.*)\// },
].map((group, index, all) => ({ ...group, priority: all.length - index }))

export default defineConfig({
  plugins: [
    vue(),
    Components({ dts: false, dirs: [], resolvers: [ElementPlusResolver({ importStyle: 'css' })] }),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: true,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  server: { port: 3001, proxy: { '/api': target, '/healthz': target, '/readyz': target } },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 700,
    rolldownOptions: { output: { codeSplitting: { groups } } },
  },
})
