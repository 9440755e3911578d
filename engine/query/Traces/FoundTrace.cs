using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// A trace that was looked for by its id, to be written in parts of OTLP bytes: a trace of a million spans never stands in
/// memory as bytes. A trace of ordinary size is whole and in order (<see cref="WholeTrace"/>); of a larger one its sources are read
/// while it is written (<see cref="StreamedTrace"/>). Not thread safe; good as long as its sources are held.
/// </summary>
public abstract class FoundTrace : IDisposable
{
    /// <summary>Spans that are written: all, or those that a filter kept.</summary>
    public abstract int SpanCount { get; }

    /// <summary>Block bytes that were read until now.</summary>
    public abstract ulong InspectedBytes { get; }

    /// <summary>What could not be read, as far as it is known; empty if nothing. Final once everything was written.</summary>
    public abstract string Damage { get; }

    /// <summary>Everything was written.</summary>
    public abstract bool IsAtEnd { get; }

    /// <summary>Leaves only the spans that a filter keeps; true if some are left out. Before the first part.</summary>
    public abstract bool Keep(TraceFilter filter);

    /// <summary>
    /// Lets similar spans be one; the result is how many spans less are written. Before the first part, after <see cref="Keep"/>. Throws
    /// <see cref="QueryException"/> if the trace is too large for what is asked.
    /// </summary>
    public abstract int Prune(SpanPruning pruning);

    /// <summary>
    /// Appends the next part, of about <paramref name="maxBytes"/>: fields of a TracesData, and of a tempopb.Trace, which all
    /// parts one after the other make up. A part may be empty although others follow.
    /// </summary>
    public abstract void WritePart(NativeBuffer output, int maxBytes);

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}
