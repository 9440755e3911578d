using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// The records of a batch, one after the other: what they say of themselves, and where their requests stand. Throws
/// <see cref="PeerException"/> for a batch that makes no sense: each byte of the requests is in one record.
/// </summary>
internal ref struct PushRecords
{
    private readonly int _requestBytes;
    private ReadOnlySpan<byte> _headers;
    private int _at;

    public PushRecords(ReadOnlySpan<byte> batch)
    {
        _requestBytes = PeerProtocol.ReadRecordsEnd(batch);
        _headers = batch[_requestBytes..^PeerProtocol.RecordsEndBytes];
    }

    /// <summary>Of all requests, which stand one behind the other from the first byte of the batch.</summary>
    public readonly int RequestBytes => _requestBytes;

    /// <summary>All are of one tenant, and counted or not: together they are one request.</summary>
    public readonly bool AreOne()
    {
        var all = this;
        if (!all.TryNext(out var first)) return true;
        while (all.TryNext(out var next))
            if (next.IsCounted != first.IsCounted || !next.Tenant.SequenceEqual(first.Tenant))
                return false;
        return true;
    }

    /// <summary>False behind the last one.</summary>
    public bool TryNext(out PushRecord record)
    {
        record = default;
        if (_headers.IsEmpty)
            return _at == _requestBytes ? false : throw new PeerException($"{_requestBytes - _at} bytes of a batch are in no record");
        if (_headers.Length < PeerProtocol.RecordHeaderBytes) throw new PeerException("a record ends in its header");
        var (isCounted, tenantBytes, bytes) = PeerProtocol.ReadRecordHeader(_headers);
        var size = PeerProtocol.RecordHeaderBytes + tenantBytes;
        if (_headers.Length < size) throw new PeerException("a record ends in its tenant");
        if (bytes <= 0 || bytes > Math.Min(_requestBytes - _at, PeerProtocol.MaxRecordBytes))
            throw new PeerException($"a record says that it has {bytes} bytes; {_requestBytes - _at} follow");
        record = new PushRecord(_headers[PeerProtocol.RecordHeaderBytes..size], isCounted, _at, bytes);
        _headers = _headers[size..];
        _at += bytes;
        return true;
    }
}

/// <summary>A record of a batch.</summary>
/// <param name="tenant">Its name, as it came.</param>
/// <param name="isCounted">In the metrics from spans.</param>
/// <param name="start">Where the request stands in the batch.</param>
/// <param name="bytes">Of the request, at least 1.</param>
internal readonly ref struct PushRecord(ReadOnlySpan<byte> tenant, bool isCounted, int start, int bytes)
{
    public ReadOnlySpan<byte> Tenant { get; } = tenant;

    public bool IsCounted { get; } = isCounted;

    public int Start { get; } = start;

    public int Bytes { get; } = bytes;

    /// <summary>Throws <see cref="PeerException"/> for a name that is none.</summary>
    public TenantId TenantId() =>
        Engine.Foundation.TenantId.TryParse(Encoding.ASCII.GetString(Tenant), out var id, out var error)
            ? id
            : throw new PeerException($"a record names no tenant: {error}");
}
