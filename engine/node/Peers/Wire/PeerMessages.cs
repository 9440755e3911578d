using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Node.Peers.Wire;

/// <summary>
/// The bytes of questions and answers between nodes, as protobuf messages (<see cref="MessageReader"/>).
/// <code>
/// LiveQuestion   1 tenant   2 incarnation (fixed64)   3 have, repeated: { serial u64 LE, rows u32 LE }   4 trace id
///                5 key (fixed64): fingerprints instead of rows   6 only these rows, repeated: { serial u64 LE, first row u32 LE, bits u64
///                LE … }
/// LiveAnswer     1 incarnation (fixed64)   2 batch, repeated: { 1 serial (fixed64)  2 the row to go on with  3 OTLP of the rows asked for 
///                4 fingerprints u64 LE … }
///                3 block, repeated: { id 16 bytes, 1 if it waits for its upload }   4 more is to be asked for   5 damage
/// MetasQuestion  1 id, repeated, 16 bytes           MetasAnswer  1 meta.json, repeated
/// PartQuestion   1 key   2 offset   3 bytes asked for   4 only its size            PartAnswer   1 it is there   2 its size   3 content
/// </code>
/// </summary>
public static class PeerMessages
{
    private const int PlaceBytes = sizeof(long) + sizeof(int);
    private const int BlockIdBytes = 16;

    internal sealed class LiveQuestion
    {
        public TenantId Tenant;
        public ulong Incarnation;
        public readonly Dictionary<long, int> Have = [];
        public TraceId? Trace;

        /// <summary>Of the fingerprints that are asked for; 0: rows are.</summary>
        public ulong Key;

        /// <summary>Rows that are asked for by serial, and no others, if there are any.</summary>
        public readonly Dictionary<long, WantedRows> Wanted = [];
    }

    /// <summary>Rows of a batch: bits from a row on.</summary>
    internal readonly record struct WantedRows(int First, ulong[] Bits);

    internal sealed class LiveAnswer
    {
        public ulong Incarnation;
        public readonly List<LiveRows> Batches = [];
        public readonly List<(BlockId Id, bool IsWaiting)> Blocks = [];
        public bool HasMore;
        public string Damage = "";
    }

    /// <summary>
    /// What an answer has of a batch: rows up to <paramref name="Next"/>, or their fingerprints; ranges are of the answer's bytes.
    /// </summary>
    internal readonly record struct LiveRows(long Serial, int Next, Range Otlp, Range Fingerprints);

    internal static byte[] Encode(LiveQuestion question)
    {
        using var buffer = new NativeBuffer(256);
        var writer = new MessageWriter(buffer);
        writer.Text(1, question.Tenant.Value);
        writer.Fixed(2, question.Incarnation);
        Span<byte> bytes = stackalloc byte[PlaceBytes];
        foreach (var (serial, rows) in question.Have)
        {
            WritePlace(bytes, serial, rows);
            writer.Bytes(3, bytes);
        }

        if (question.Trace is { } trace) writer.Id(4, trace);
        if (question.Key != 0) writer.Fixed(5, question.Key);
        foreach (var (serial, wanted) in question.Wanted)
        {
            WritePlace(bytes, serial, wanted.First);
            var field = writer.Begin(6);
            buffer.Append(bytes);
            WireNumbers.Append(buffer, wanted.Bits);
            writer.End(field);
        }

        return buffer.Written.ToArray();
    }

    internal static LiveQuestion DecodeLiveQuestion(ReadOnlySpan<byte> message)
    {
        var question = new LiveQuestion();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) question.Tenant = ReadTenant(bytes);
            else if (field == 2) question.Incarnation = number;
            else if (field == 3 && bytes.Length == PlaceBytes) question.Have[SerialOf(bytes)] = RowOf(bytes);
            else if (field == 4 && bytes.Length == TraceId.SizeBytes) question.Trace = TraceId.Read(bytes);
            else if (field == 5) question.Key = number;
            else if (field == 6 && bytes.Length >= PlaceBytes + sizeof(ulong) && RowOf(bytes) >= 0)
                question.Wanted[SerialOf(bytes)] = new WantedRows(RowOf(bytes), WireNumbers.Read(bytes[PlaceBytes..]));
        }

        return question;
    }

    private static void WritePlace(Span<byte> bytes, long serial, int row)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, serial);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[sizeof(long)..], row);
    }

    private static long SerialOf(ReadOnlySpan<byte> place) => BinaryPrimitives.ReadInt64LittleEndian(place);

    private static int RowOf(ReadOnlySpan<byte> place) => BinaryPrimitives.ReadInt32LittleEndian(place[sizeof(long)..]);

    internal static void WriteBatch(
        NativeBuffer answer, long serial, int next, ReadOnlySpan<byte> otlp, ReadOnlySpan<ulong> fingerprints = default)
    {
        var writer = new MessageWriter(answer);
        var batch = writer.Begin(2);
        writer.Fixed(1, (ulong)serial);
        writer.Number(2, (ulong)next);
        if (otlp.Length > 0) writer.Bytes(3, otlp);
        if (fingerprints.Length > 0)
        {
            var field = writer.Begin(4);
            WireNumbers.Append(answer, fingerprints);
            writer.End(field);
        }

        writer.End(batch);
    }

    internal static void WriteRest(
        NativeBuffer answer, ulong incarnation, IEnumerable<(BlockId Id, bool IsWaiting)> blocks, bool hasMore, string damage)
    {
        var writer = new MessageWriter(answer);
        writer.Fixed(1, incarnation);
        Span<byte> bytes = stackalloc byte[BlockIdBytes + 1];
        foreach (var (id, isWaiting) in blocks)
        {
            id.Value.TryWriteBytes(bytes);
            bytes[BlockIdBytes] = isWaiting ? (byte)1 : (byte)0;
            writer.Bytes(3, bytes);
        }

        if (hasMore) writer.Number(4, 1);
        if (damage.Length > 0) writer.Text(5, damage);
    }

    // Ranges are of the message, so that the rows need no copy.
    internal static LiveAnswer DecodeLiveAnswer(ReadOnlySpan<byte> message)
    {
        var answer = new LiveAnswer();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) answer.Incarnation = number;
            else if (field == 2) answer.Batches.Add(DecodeBatch(bytes, reader.Position - bytes.Length));
            else if (field == 3 && bytes.Length == BlockIdBytes + 1)
                answer.Blocks.Add((new BlockId(new Guid(bytes[..BlockIdBytes])), bytes[BlockIdBytes] != 0));
            else if (field == 4) answer.HasMore = number != 0;
            else if (field == 5) answer.Damage = Encoding.UTF8.GetString(bytes);
        }

        return answer;
    }

    internal static byte[] EncodeMetasQuestion(IEnumerable<BlockId> ids)
    {
        using var buffer = new NativeBuffer(256);
        var writer = new MessageWriter(buffer);
        Span<byte> bytes = stackalloc byte[BlockIdBytes];
        foreach (var id in ids)
        {
            id.Value.TryWriteBytes(bytes);
            writer.Bytes(1, bytes);
        }

        return buffer.Written.ToArray();
    }

    internal static HashSet<BlockId> DecodeMetasQuestion(ReadOnlySpan<byte> message)
    {
        var ids = new HashSet<BlockId>();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out _))
            if (field == 1 && bytes.Length == BlockIdBytes)
                ids.Add(new BlockId(new Guid(bytes)));
        return ids;
    }

    internal static void WriteMeta(NativeBuffer answer, ReadOnlySpan<byte> json) => new MessageWriter(answer).Bytes(1, json);

    internal static List<byte[]> DecodeMetasAnswer(ReadOnlySpan<byte> message)
    {
        var metas = new List<byte[]>();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out _))
            if (field == 1)
                metas.Add(bytes.ToArray());
        return metas;
    }

    internal static byte[] EncodePartQuestion(ObjectKey key, long offset, int count, bool onlySize)
    {
        using var buffer = new NativeBuffer(256);
        var writer = new MessageWriter(buffer);
        writer.Text(1, key.ToString());
        writer.Number(2, (ulong)offset);
        writer.Number(3, (ulong)count);
        if (onlySize) writer.Number(4, 1);
        return buffer.Written.ToArray();
    }

    internal static (string Key, long Offset, int Count, bool OnlySize) DecodePartQuestion(ReadOnlySpan<byte> message)
    {
        var (key, offset, count, onlySize) = ("", 0L, 0, false);
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) key = Encoding.UTF8.GetString(bytes);
            else if (field == 2) offset = (long)number;
            else if (field == 3) count = (int)Math.Min(number, int.MaxValue);
            else if (field == 4) onlySize = number != 0;
        }

        return (key, offset, count, onlySize);
    }

    // The content is read to where the answer is sent from.
    internal static Span<byte> WritePart(NativeBuffer answer, long size, int count)
    {
        var writer = new MessageWriter(answer);
        writer.Number(1, 1);
        writer.Number(2, (ulong)size);
        return writer.Room(3, count);
    }

    internal static (bool IsThere, long Size, Range Content) DecodePartAnswer(ReadOnlySpan<byte> message)
    {
        var (isThere, size, content) = (false, 0L, 0..0);
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) isThere = number != 0;
            else if (field == 2) size = (long)number;
            else if (field == 3) content = (reader.Position - bytes.Length)..reader.Position;
        }

        return (isThere, size, content);
    }

    private static LiveRows DecodeBatch(ReadOnlySpan<byte> message, int origin)
    {
        var (serial, next, otlp, fingerprints) = (0L, 0, 0..0, 0..0);
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) serial = (long)number;
            else if (field == 2) next = (int)Math.Min(number, int.MaxValue);
            else if (field == 3) otlp = Place(bytes, reader.Position);
            else if (field == 4) fingerprints = Place(bytes, reader.Position);
        }

        return new LiveRows(serial, next, otlp, fingerprints);

        Range Place(ReadOnlySpan<byte> bytes, int end) => (origin + end - bytes.Length)..(origin + end);
    }

    internal static TenantId ReadTenant(ReadOnlySpan<byte> bytes) =>
        TenantId.TryParse(Encoding.UTF8.GetString(bytes), out var tenant, out var error)
            ? tenant
            : throw new PeerException($"a message between nodes names no tenant: {error}");
}
