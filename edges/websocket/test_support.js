/** Resolves when `condition` is true; looks again and again, at most 10 s. */
export async function until(condition) {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
