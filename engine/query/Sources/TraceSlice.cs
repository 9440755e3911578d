using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// The traces with ids from <paramref name="First"/> to <paramref name="Last"/>, both included. Rows of a block ascend by trace id, so that a slice is
/// some of its row groups; and all parts and copies of a trace lie in the same one, so that answers of slices only have to be put together.
/// </summary>
public sealed record TraceSlice(TraceId First, TraceId Last)
{
    public bool Contains(in TraceId id) => First.CompareTo(id) <= 0 && id.CompareTo(Last) <= 0;

    /// <summary>Whether a trace with an id between these two, both included, may be of it.</summary>
    public bool Meets(in TraceId first, in TraceId last) => First.CompareTo(last) <= 0 && first.CompareTo(Last) <= 0;
}
