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

    /// <summary>
    /// Appends an outcome for each record, once it is durable or refused. Throws <see cref="PeerException"/> for a frame that makes no sense. Of the
    /// frame the requests are left.
    /// </summary>
    public async ValueTask StoreAsync(NativeBuffer frame, NativeBuffer answer)
    {
        var groups = new List<RequestGroup>();
        var records = new List<(RequestGroup Group, int Index)>();
        try
        {
            Divide(frame, groups, records);
            if (ring.TakesSpans) await StoreAsync(groups).ConfigureAwait(false);
            var leaving = new IngestOutcome(IngestStatus.Unavailable, 0, 0, $"{ring.Self.Id} is leaving the ring");
            foreach (var (group, index) in records) PeerProtocol.WriteOutcome(answer, group.Outcomes.Count > 0 ? group.Outcomes[index] : leaving);
        }
        finally
        {
            foreach (var group in groups)
                if (group.Bytes != frame)
                    _buffers.Return(group.Bytes);
        }
    }

    private ValueTask StoreAsync(List<RequestGroup> groups) => groups.Count switch
    {
        0 => default,
        1 => node.IngestReplicasAsync(groups[0]),
        _ => new ValueTask(Task.WhenAll(groups.Select(group => node.IngestReplicasAsync(group).AsTask()))),
    };

    private void Divide(NativeBuffer frame, List<RequestGroup> groups, List<(RequestGroup Group, int Index)> records)
    {
        var headersAt = PeerProtocol.ReadRecordsEnd(frame.Written);
        var headers = frame.Written[headersAt..^PeerProtocol.RecordsEndBytes];
        var isOne = IsOne(headers);
        if (isOne) frame.Truncate(headersAt); // the headers stay where they are until it is written to
        var at = 0;
        while (!headers.IsEmpty)
        {
            var record = Next(ref headers);
            if (record.Bytes <= 0 || record.Bytes > Math.Min(headersAt - at, PeerProtocol.MaxRecordBytes)) throw new PeerException($"a record says that it has {record.Bytes} bytes; {headersAt - at} follow");
            var group = Find(groups, record.Tenant, record.IsCounted);
            if (group is null) groups.Add(group = new RequestGroup(TenantOf(record.Tenant), record.IsCounted, isOne ? frame : _buffers.Rent(record.Bytes)));
            if (!isOne) group.Bytes.Append(frame.Written.Slice(at, record.Bytes));
            at += record.Bytes;
            group.EndAt(isOne ? at : group.Bytes.Length);
            records.Add((group, group.Count - 1));
        }

        if (at < headersAt) throw new PeerException($"{headersAt - at} bytes of a frame are in no record");
    }

    // All of one tenant, and counted or not: it is stored as it lies there.
    private static bool IsOne(ReadOnlySpan<byte> headers)
    {
        var first = headers.IsEmpty ? default : Next(ref headers);
        while (!headers.IsEmpty)
        {
            var next = Next(ref headers);
            if (next.IsCounted != first.IsCounted || !next.Tenant.SequenceEqual(first.Tenant)) return false;
        }

        return true;
    }

    private static RecordHeader Next(ref ReadOnlySpan<byte> headers)
    {
        if (headers.Length < PeerProtocol.RecordHeaderBytes) throw new PeerException("a record ends in its header");
        var (isCounted, tenantBytes, requestBytes) = PeerProtocol.ReadRecordHeader(headers);
        var size = PeerProtocol.RecordHeaderBytes + tenantBytes;
        if (headers.Length < size) throw new PeerException("a record ends in its tenant");
        var tenant = headers[PeerProtocol.RecordHeaderBytes..size];
        headers = headers[size..];
        return new RecordHeader(tenant, isCounted, requestBytes);
    }

    private static TenantId TenantOf(ReadOnlySpan<byte> name) =>
        TenantId.TryParse(Encoding.ASCII.GetString(name), out var tenant, out var error) ? tenant : throw new PeerException($"a record names no tenant: {error}");

    // Of many tenants only the last ones: a batch has a few.
    private static RequestGroup? Find(List<RequestGroup> groups, ReadOnlySpan<byte> tenant, bool isCounted)
    {
        for (var i = groups.Count - 1; i >= Math.Max(0, groups.Count - 8); i--)
            if (groups[i].IsCounted == isCounted && Ascii.Equals(tenant, groups[i].Tenant.Value))
                return groups[i];
        return null;
    }

    private readonly ref struct RecordHeader(ReadOnlySpan<byte> tenant, bool isCounted, int bytes)
    {
        public ReadOnlySpan<byte> Tenant { get; } = tenant;

        public bool IsCounted { get; } = isCounted;

        public int Bytes { get; } = bytes;
    }
}
