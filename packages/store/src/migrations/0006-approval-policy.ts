/** Who may decide what is asked for in a project. */
export const approvalPolicy = {
  id: 6,
  name: "approval-policy",
  up: [
    // An `ApprovalPolicy` as JSON; null where nobody has said anything.
    `ALTER TABLE projects ADD COLUMN approvals TEXT`,
  ],
} as const;
