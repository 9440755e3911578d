using Tempo.Engine.Query.Filter;

namespace Tempo.Engine.Query.Stages;

/// <summary>
/// Asked while the spans of one trace are looked at, which may be a million: whether somebody still waits for the answer. One thread's.
/// </summary>
internal sealed class Patience
{
    private int _looked;

    public CancellationToken Cancellation { get; set; }

    /// <summary>One span more was looked at. Throws once in a while if nobody waits any more.</summary>
    public void Look()
    {
        if (++_looked < FilterScope.RowsBetweenPolls) return;
        _looked = 0;
        Cancellation.ThrowIfCancellationRequested();
    }
}
