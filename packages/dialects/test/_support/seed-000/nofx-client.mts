/* oxlint-disable -- The client of the NOFX guide as it is printed there. */
export class NOFXClient {
  private baseUrl: string;
  private headers: HeadersInit;

  constructor(baseUrl = "http://localhost:3000", apiKey?: string) {
    this.baseUrl = baseUrl;
    this.headers = {
      "Content-Type": "application/json",
      ...(apiKey && { Authorization: `Bearer ${apiKey}` }),
    };
  }

  async createRun(options: CreateRunOptions): Promise<Run> {
    const response = await fetch(`${this.baseUrl}/runs`, {
      method: "POST",
      headers: this.headers,
      body: JSON.stringify(options),
    });

    if (!response.ok) {
      throw new Error(`API error: ${response.status}`);
    }

    return response.json();
  }

  async getRun(runId: string): Promise<RunDetails> {
    const response = await fetch(`${this.baseUrl}/runs/${runId}`, {
      headers: this.headers,
    });

    if (!response.ok) {
      throw new Error(`API error: ${response.status}`);
    }

    return response.json();
  }

  async listRuns(options?: ListRunsOptions): Promise<{ runs: Run[] }> {
    const params = new URLSearchParams();
    if (options?.limit) params.append("limit", options.limit.toString());
    if (options?.projectId) params.append("projectId", options.projectId);

    const response = await fetch(`${this.baseUrl}/runs?${params}`, {
      headers: this.headers,
    });

    if (!response.ok) {
      throw new Error(`API error: ${response.status}`);
    }

    return response.json();
  }

  streamEvents(runId: string, onEvent: (event: Event) => void): EventSource {
    const eventSource = new EventSource(`${this.baseUrl}/runs/${runId}/stream`);

    eventSource.addEventListener("init", (e) => {
      const events = JSON.parse(e.data);
      events.forEach(onEvent);
    });

    eventSource.addEventListener("append", (e) => {
      const events = JSON.parse(e.data);
      events.forEach(onEvent);
    });

    return eventSource;
  }

  async approveGate(gateId: string, note?: string): Promise<void> {
    const response = await fetch(`${this.baseUrl}/gates/${gateId}/approve`, {
      method: "POST",
      headers: this.headers,
      body: JSON.stringify({ note }),
    });

    if (!response.ok) {
      throw new Error(`API error: ${response.status}`);
    }
  }

  async waitForCompletion(runId: string, onProgress?: (event: Event) => void): Promise<RunDetails> {
    return new Promise((resolve, reject) => {
      const stream = this.streamEvents(runId, (event) => {
        if (onProgress) onProgress(event);

        if (
          event.event_type === "run.succeeded" ||
          event.event_type === "run.failed" ||
          event.event_type === "run.cancelled"
        ) {
          stream.close();
          this.getRun(runId).then(resolve).catch(reject);
        }
      });

      stream.onerror = (error) => {
        stream.close();
        reject(error);
      };
    });
  }
}

// Type definitions
interface CreateRunOptions {
  plan?: Plan;
  standard?: StandardOptions;
  projectId?: string;
}

interface Plan {
  goal: string;
  steps: Step[];
}

interface Step {
  name: string;
  tool: string;
  inputs?: Record<string, any>;
  tools_allowed?: string[];
  env_allowed?: string[];
  secrets_scope?: string;
}

interface StandardOptions {
  prompt: string;
  quality?: boolean;
  openPr?: boolean;
  filePath?: string;
}

interface Run {
  id: string;
  status: string;
  projectId: string;
}

interface RunDetails {
  run: Run & {
    goal: string;
    created_at: string;
    updated_at: string;
  };
  steps: StepDetails[];
  artifacts: Artifact[];
}

interface StepDetails {
  id: string;
  name: string;
  tool: string;
  status: string;
  inputs?: Record<string, any>;
  outputs?: Record<string, any>;
  error?: string;
}

interface Artifact {
  id: string;
  type: string;
  path: string;
  metadata?: Record<string, any>;
}

interface Event {
  event_type: string;
  run_id: string;
  step_id?: string;
  payload?: Record<string, any>;
  created_at: string;
}

interface ListRunsOptions {
  limit?: number;
  projectId?: string;
}

export type { CreateRunOptions, Plan, Step, Run, RunDetails, Event };
