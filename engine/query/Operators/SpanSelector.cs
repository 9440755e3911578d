using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>
/// Chooses spans of one trace. Spans are indexes into <see cref="OrderedTrace.Spans"/>; lists of them ascend, without
/// duplicates. Selectors keep scratch memory from trace to trace, so one serves one thread.
/// </summary>
internal abstract class SpanSelector
{
    /// <summary>Adds the chosen ones of <paramref name="input"/> to <paramref name="output"/>, which is empty.</summary>
    public abstract void Select(OrderedTrace trace, List<int> input, List<int> output);
}
