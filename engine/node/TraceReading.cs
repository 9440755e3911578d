using Tempo.Engine.Query.Traces;

namespace Tempo.Engine.Node;

/// <summary>A trace while it is read, and the hold on what it is read from. Disposed once, by who asked for it.</summary>
public sealed class TraceReading : IDisposable
{
    private readonly ViewLease _lease;

    internal TraceReading(FoundTrace trace, ViewLease lease)
    {
        Trace = trace;
        _lease = lease;
    }

    public FoundTrace Trace { get; }

    public void Dispose()
    {
        Trace.Dispose();
        _lease.Dispose();
    }
}
