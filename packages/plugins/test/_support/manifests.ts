/** The manifest that the guide prints (design P-4 … P-16). */
export const guideManifest = {
  name: "your-plugin",
  version: "1.0.0",
  capabilities: {
    domains: ["backend", "api"],
    contexts: ["python", "fastapi"],
    patterns: ["rest-api"],
    integrations: ["mongodb", "keycloak"],
  },
  routing: {
    priority: 100,
    keywords: ["backend", "api", "fastapi"],
    contextPatterns: ["**/*.py", "**/api/**/*"],
    acceptsRoutingFrom: ["jira-orchestrator"],
    canRouteTo: [],
  },
  communication: {
    messagebus: {
      enabled: true,
      topics: ["plugin.your-plugin.request", "plugin.your-plugin.response", "plugin.your-plugin.events"],
      subscriptions: ["system.broadcast", "jira.orchestrator.commands"],
    },
    rpc: {
      enabled: true,
      endpoint: "plugin://your-plugin/rpc",
      methods: ["execute_command", "query_agents", "get_status"],
    },
  },
  errorHandling: {
    circuitBreaker: { enabled: true, threshold: 5, timeout: 60000, halfOpenRetries: 3 },
    retryPolicy: { maxRetries: 3, backoff: "exponential", initialDelay: 1000, maxDelay: 10000 },
  },
} as const;
