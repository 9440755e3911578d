using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// Stores the records of a batch, all at once: they are synced together, and those of one tenant are one record of the log. Thread safe.
/// </summary>
public sealed class PushIntake(TempoNode node, RingNode ring)
{
    private readonly NativeBufferPool _buffers = new(maxBuffers: 64, maxRetainedBytes: 1 << 20);

    /// <summary>
    /// Appends an outcome for each record, once it is durable or refused. Throws <see cref="PeerException"/> for a batch that makes no
    /// sense. Of the batch the requests are left.
    /// </summary>
    public async ValueTask StoreAsync(NativeBuffer batch, NativeBuffer answer)
    {
        var groups = new List<RequestGroup>();
        var records = new List<(RequestGroup Group, int Index)>();
        try
        {
            Divide(batch, groups, records);
            if (ring.TakesSpans) await StoreAsync(groups).ConfigureAwait(false);
            var leaving = new IngestOutcome(IngestStatus.Unavailable, 0, 0, $"{ring.Self.Id} is leaving the ring");
            foreach (var (group, index) in records) PeerProtocol.WriteOutcome(
                answer, group.Outcomes.Count > 0 ? group.Outcomes[index] : leaving);
        }
        finally
        {
            foreach (var group in groups)
                if (group.Bytes != batch)
                    _buffers.Return(group.Bytes);
        }
    }

    private ValueTask StoreAsync(List<RequestGroup> groups) => groups.Count switch
    {
        0 => default,
        1 => node.IngestReplicasAsync(groups[0]),
        _ => new ValueTask(Task.WhenAll(groups.Select(group => node.IngestReplicasAsync(group).AsTask()))),
    };

    private void Divide(NativeBuffer batch, List<RequestGroup> groups, List<(RequestGroup Group, int Index)> records)
    {
        var left = new PushRecords(batch.Written);
        var areOne = left.AreOne();
        if (areOne) batch.Truncate(left.RequestBytes); // stored as it lies there; the headers stay where they are until it is written to
        while (left.TryNext(out var record))
        {
            var group = Find(groups, record.Tenant, record.IsCounted);
            if (group is null)
                groups.Add(group = new RequestGroup(record.TenantId(), record.IsCounted, areOne ? batch : _buffers.Rent(record.Bytes)));
            if (!areOne) group.Bytes.Append(batch.Written.Slice(record.Start, record.Bytes));
            group.EndAt(areOne ? record.Start + record.Bytes : group.Bytes.Length);
            records.Add((group, group.Count - 1));
        }
    }

    // Of many tenants only the last ones: a batch has a few.
    private static RequestGroup? Find(List<RequestGroup> groups, ReadOnlySpan<byte> tenant, bool isCounted)
    {
        for (var i = groups.Count - 1; i >= Math.Max(0, groups.Count - 8); i--)
            if (groups[i].IsCounted == isCounted && Ascii.Equals(tenant, groups[i].Tenant.Value))
                return groups[i];
        return null;
    }
}
