using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Replication;

namespace Tempo.Ring;

/// <summary>
/// Takes requests from the receivers to the owners of their traces. A single node is its own owner: the request passes as it is, and
/// none of the ring's code runs. In a ring <see cref="Replicator"/> divides and copies it.
/// </summary>
public sealed class IngestRouter
{
    private readonly TempoNode? _node;
    private readonly Replicator? _replicator;
    private readonly Func<TenantId, NativeBuffer, ValueTask<IngestOutcome>>? _elsewhere;

    /// <summary>The router of a process that keeps no spans: all of them go to <paramref name="elsewhere"/>.</summary>
    public IngestRouter(Func<TenantId, NativeBuffer, ValueTask<IngestOutcome>> elsewhere) => _elsewhere = elsewhere;

    /// <summary>The router of a single node.</summary>
    public IngestRouter(TempoNode node) => _node = node;

    /// <summary>The router of a node in a ring.</summary>
    public IngestRouter(TempoNode node, Replicator replicator)
        : this(node) => _replicator = replicator;

    /// <summary>
    /// Called with each request and what became of it, once, where it came in, and before the sender is answered; must not
    /// keep the buffer. Null: nobody wants them.
    /// </summary>
    public Action<TenantId, NativeBuffer, IngestOutcome>? Answered { get; init; }

    /// <summary>What a request would meet that comes in now. In a ring the owners say, once they have it.</summary>
    public IngestRoom Room => _node is not null && _replicator is null ? _node.IngestRoom : IngestRoom.Open;

    /// <summary>Stores an OTLP request at its owners; see <see cref="TempoNode.IngestAsync"/> for the buffer's rules.</summary>
    public ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request) =>
        Answered is { } answered ? TellAsync(answered, tenant, request) : StoreAsync(tenant, request);

    private async ValueTask<IngestOutcome> TellAsync(
        Action<TenantId, NativeBuffer, IngestOutcome> answered, TenantId tenant, NativeBuffer request)
    {
        var outcome = await StoreAsync(tenant, request).ConfigureAwait(false);
        try
        {
            answered(tenant, request, outcome);
        }
        catch (OutOfMemoryException)
        {
            // What is stored is stored: an error now would bring it a second time.
        }

        return outcome;
    }

    private ValueTask<IngestOutcome> StoreAsync(TenantId tenant, NativeBuffer request) =>
        _node is null ? _elsewhere!(tenant, request)
        : _replicator is null ? _node.IngestAsync(tenant, request)
        : new ValueTask<IngestOutcome>(_replicator.IngestAsync(tenant, request));
}
