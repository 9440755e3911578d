using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// Stores the records of a push frame, all at once: they are synced together, and those of one tenant are one record of the log. Thread safe.
/// </summary>
public sealed class PushIntake(TempoNode node, RingNode ring)
{
    private readonly NativeBufferPool _buffers = new(maxBuffers: 64, maxRetainedBytes: 1 << 20);

    /// <summary>Appends an outcome for each record, once it is durable or refused. Throws <see cref="PeerException"/> for a frame that makes no sense.</summary>
    public async ValueTask StoreAsync(NativeBuffer frame, NativeBuffer answer)
    {
        var groups = new List<RequestGroup>();
        var records = new List<(RequestGroup Group, int Index)>();
        try
        {
            for (var position = 0; position < frame.Length;) records.Add(Add(frame.Written, ref position, groups));
            if (ring.TakesSpans) await StoreAsync(groups).ConfigureAwait(false);
            var leaving = new IngestOutcome(IngestStatus.Unavailable, 0, 0, $"{ring.Self.Id} is leaving the ring");
            foreach (var (group, index) in records) PeerProtocol.WriteOutcome(answer, group.Outcomes.Count > 0 ? group.Outcomes[index] : leaving);
        }
        finally
        {
            foreach (var group in groups) _buffers.Return(group.Bytes);
        }
    }

    private ValueTask StoreAsync(List<RequestGroup> groups) => groups.Count switch
    {
        0 => default,
        1 => node.IngestReplicasAsync(groups[0]),
        _ => new ValueTask(Task.WhenAll(groups.Select(group => node.IngestReplicasAsync(group).AsTask()))),
    };

    private (RequestGroup Group, int Index) Add(ReadOnlySpan<byte> frame, ref int position, List<RequestGroup> groups)
    {
        var rest = frame[position..];
        if (rest.Length < PeerProtocol.RecordHeaderBytes) throw new PeerException("a record ends in its header");
        var (isCounted, tenantBytes, requestBytes) = PeerProtocol.ReadRecordHeader(rest);
        rest = rest[PeerProtocol.RecordHeaderBytes..];
        if (requestBytes is <= 0 or > PeerProtocol.MaxRecordBytes || rest.Length - tenantBytes < requestBytes) throw new PeerException($"a record says that it has {requestBytes} bytes; {rest.Length - tenantBytes} follow");
        var name = rest[..tenantBytes];
        position += PeerProtocol.RecordHeaderBytes + tenantBytes + requestBytes;
        var group = Find(groups, name, isCounted);
        if (group is null)
        {
            if (!TenantId.TryParse(Encoding.ASCII.GetString(name), out var tenant, out var error)) throw new PeerException($"a record names no tenant: {error}");
            groups.Add(group = new RequestGroup(tenant, isCounted, _buffers.Rent(groups.Count == 0 ? frame.Length : requestBytes)));
        }

        group.Bytes.Append(rest.Slice(tenantBytes, requestBytes));
        group.End();
        return (group, group.Count - 1);
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
