using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Node.Peers;

/// <summary>
/// The bytes of questions and answers between nodes, as protobuf messages; fields that are not known are passed over, so that
/// nodes of different versions understand each other during a rolling restart.
/// <code>
/// LiveQuestion   1 tenant   2 incarnation (fixed64)   3 have, repeated: { serial u64 LE, spans u32 LE }   4 trace id
/// LiveAnswer     1 incarnation (fixed64)   2 batch, repeated: { 1 serial (fixed64)  2 spans  3 OTLP of the rows asked for }
///                3 block, repeated: { id 16 bytes, 1 if it waits for its upload }   4 more is to be asked for   5 damage
/// MetasQuestion  1 id, repeated, 16 bytes           MetasAnswer  1 meta.json, repeated
/// PartQuestion   1 key   2 offset   3 bytes asked for   4 only its size            PartAnswer   1 it is there   2 its size   3 content
/// </code>
/// </summary>
public static class PeerMessages
{
    private const uint Varint1 = 8;
    private const uint Fixed1 = 9;
    private const uint Bytes1 = 10;
    private const uint Varint2 = 16;
    private const uint Fixed2 = 17;
    private const uint Bytes2 = 18;
    private const uint Varint3 = 24;
    private const uint Bytes3 = 26;
    private const uint Varint4 = 32;
    private const uint Bytes4 = 34;
    private const uint Bytes5 = 42;
    private const int HaveBytes = 12;
    private const int BlockIdBytes = 16;

    internal sealed class LiveQuestion
    {
        public TenantId Tenant;
        public ulong Incarnation;
        public readonly Dictionary<long, int> Have = [];
        public TraceId? Trace;
    }

    internal sealed class LiveAnswer
    {
        public ulong Incarnation;
        public readonly List<(long Serial, int Spans, Range Otlp)> Batches = [];
        public readonly List<(BlockId Id, bool IsLocal)> Blocks = [];
        public bool HasMore;
        public string Damage = "";
    }

    internal static byte[] Encode(LiveQuestion question)
    {
        using var buffer = new NativeBuffer(256);
        var writer = new ProtobufWriter(buffer);
        WriteText(writer, Bytes1, question.Tenant.Value);
        writer.WriteFixed64(Fixed2, question.Incarnation);
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        foreach (var (serial, spans) in question.Have)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, serial);
            BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], spans);
            writer.WriteBytes(Bytes3, bytes[..HaveBytes]);
        }

        if (question.Trace is { } trace)
        {
            trace.Write(bytes);
            writer.WriteBytes(Bytes4, bytes);
        }

        return buffer.Written.ToArray();
    }

    internal static LiveQuestion DecodeLiveQuestion(ReadOnlySpan<byte> message)
    {
        var question = new LiveQuestion();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes = default;
            ulong number = 0;
            if (!(tag switch { Bytes1 or Bytes3 or Bytes4 => reader.TryReadBytes(out bytes), Fixed2 => reader.TryReadFixed64(out number), _ => reader.TrySkip(tag) })) break;
            if (tag == Bytes1) question.Tenant = ReadTenant(bytes);
            else if (tag == Fixed2) question.Incarnation = number;
            else if (tag == Bytes3 && bytes.Length == HaveBytes) question.Have[BinaryPrimitives.ReadInt64LittleEndian(bytes)] = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
            else if (tag == Bytes4 && bytes.Length == TraceId.SizeBytes) question.Trace = TraceId.Read(bytes);
        }

        Check(reader);
        return question;
    }

    internal static void WriteBatch(ProtobufWriter writer, long serial, int spans, Action<NativeBuffer>? rows)
    {
        var batch = writer.BeginMessage(Bytes2);
        writer.WriteFixed64(Fixed1, (ulong)serial);
        writer.WriteVarint(Varint2, (ulong)spans);
        if (rows is not null)
        {
            var otlp = writer.BeginMessage(Bytes3);
            rows(writer.Buffer);
            writer.EndMessage(otlp);
        }

        writer.EndMessage(batch);
    }

    internal static void WriteRest(ProtobufWriter writer, ulong incarnation, IEnumerable<(BlockId Id, bool IsLocal)> blocks, bool hasMore, string damage)
    {
        writer.WriteFixed64(Fixed1, incarnation);
        Span<byte> bytes = stackalloc byte[BlockIdBytes + 1];
        foreach (var (id, isLocal) in blocks)
        {
            id.Value.TryWriteBytes(bytes);
            bytes[BlockIdBytes] = isLocal ? (byte)1 : (byte)0;
            writer.WriteBytes(Bytes3, bytes);
        }

        if (hasMore) writer.WriteVarint(Varint4, 1);
        if (damage.Length > 0) WriteText(writer, Bytes5, damage);
    }

    // Ranges are of the message, so that the rows need no copy.
    internal static LiveAnswer DecodeLiveAnswer(ReadOnlySpan<byte> message)
    {
        var answer = new LiveAnswer();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes = default;
            ulong number = 0;
            var isRead = tag switch
            {
                Fixed1 => reader.TryReadFixed64(out number),
                Varint4 => reader.TryReadVarint(out number),
                Bytes2 or Bytes3 or Bytes5 => reader.TryReadBytes(out bytes),
                _ => reader.TrySkip(tag),
            };
            if (!isRead) break;
            if (tag == Fixed1) answer.Incarnation = number;
            else if (tag == Varint4) answer.HasMore = number != 0;
            else if (tag == Bytes2) answer.Batches.Add(DecodeBatch(bytes, reader.Position - bytes.Length));
            else if (tag == Bytes3 && bytes.Length == BlockIdBytes + 1) answer.Blocks.Add((new BlockId(new Guid(bytes[..BlockIdBytes])), bytes[BlockIdBytes] != 0));
            else if (tag == Bytes5) answer.Damage = System.Text.Encoding.UTF8.GetString(bytes);
        }

        Check(reader);
        return answer;
    }

    internal static byte[] EncodeMetasQuestion(IEnumerable<BlockId> ids)
    {
        using var buffer = new NativeBuffer(256);
        var writer = new ProtobufWriter(buffer);
        Span<byte> bytes = stackalloc byte[BlockIdBytes];
        foreach (var id in ids)
        {
            id.Value.TryWriteBytes(bytes);
            writer.WriteBytes(Bytes1, bytes);
        }

        return buffer.Written.ToArray();
    }

    internal static HashSet<BlockId> DecodeMetasQuestion(ReadOnlySpan<byte> message)
    {
        var ids = new HashSet<BlockId>();
        foreach (var bytes in ReadRepeated(message))
            if (bytes.Length == BlockIdBytes)
                ids.Add(new BlockId(new Guid(bytes)));
        return ids;
    }

    internal static void WriteMeta(NativeBuffer answer, ReadOnlySpan<byte> json) => new ProtobufWriter(answer).WriteBytes(Bytes1, json);

    internal static List<byte[]> DecodeMetasAnswer(ReadOnlySpan<byte> message) => ReadRepeated(message);

    internal static byte[] EncodePartQuestion(ObjectKey key, long offset, int count, bool onlySize)
    {
        using var buffer = new NativeBuffer(256);
        var writer = new ProtobufWriter(buffer);
        WriteText(writer, Bytes1, key.ToString());
        writer.WriteVarint(Varint2, (ulong)offset);
        writer.WriteVarint(Varint3, (ulong)count);
        if (onlySize) writer.WriteVarint(Varint4, 1);
        return buffer.Written.ToArray();
    }

    internal static (string Key, long Offset, int Count, bool OnlySize) DecodePartQuestion(ReadOnlySpan<byte> message)
    {
        var (key, offset, count, onlySize) = ("", 0L, 0, false);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes = default;
            ulong number = 0;
            if (!(tag switch { Bytes1 => reader.TryReadBytes(out bytes), Varint2 or Varint3 or Varint4 => reader.TryReadVarint(out number), _ => reader.TrySkip(tag) })) break;
            if (tag == Bytes1) key = System.Text.Encoding.UTF8.GetString(bytes);
            else if (tag == Varint2) offset = (long)number;
            else if (tag == Varint3) count = (int)Math.Min(number, int.MaxValue);
            else if (tag == Varint4) onlySize = number != 0;
        }

        Check(reader);
        return (key, offset, count, onlySize);
    }

    internal static void WritePart(NativeBuffer answer, long size, ReadOnlySpan<byte> content)
    {
        var writer = new ProtobufWriter(answer);
        writer.WriteVarint(Varint1, 1);
        writer.WriteVarint(Varint2, (ulong)size);
        writer.WriteBytes(Bytes3, content);
    }

    internal static (bool IsThere, long Size, Range Content) DecodePartAnswer(ReadOnlySpan<byte> message)
    {
        var (isThere, size, content) = (false, 0L, 0..0);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes = default;
            ulong number = 0;
            if (!(tag switch { Bytes3 => reader.TryReadBytes(out bytes), Varint1 or Varint2 => reader.TryReadVarint(out number), _ => reader.TrySkip(tag) })) break;
            if (tag == Varint1) isThere = number != 0;
            else if (tag == Varint2) size = (long)number;
            else if (tag == Bytes3) content = (reader.Position - bytes.Length)..reader.Position;
        }

        Check(reader);
        return (isThere, size, content);
    }

    private static (long Serial, int Spans, Range Otlp) DecodeBatch(ReadOnlySpan<byte> message, int origin)
    {
        var (serial, spans, otlp) = (0L, 0, 0..0);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes = default;
            ulong number = 0;
            if (!(tag switch { Fixed1 => reader.TryReadFixed64(out number), Varint2 => reader.TryReadVarint(out number), Bytes3 => reader.TryReadBytes(out bytes), _ => reader.TrySkip(tag) })) break;
            if (tag == Fixed1) serial = (long)number;
            else if (tag == Varint2) spans = (int)Math.Min(number, int.MaxValue);
            else if (tag == Bytes3) otlp = (origin + reader.Position - bytes.Length)..(origin + reader.Position);
        }

        Check(reader);
        return (serial, spans, otlp);
    }

    private static List<byte[]> ReadRepeated(ReadOnlySpan<byte> message)
    {
        var items = new List<byte[]>();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes = default;
            if (!(tag == Bytes1 ? reader.TryReadBytes(out bytes) : reader.TrySkip(tag))) break;
            if (tag == Bytes1) items.Add(bytes.ToArray());
        }

        Check(reader);
        return items;
    }

    private static void WriteText(ProtobufWriter writer, uint tag, string text) => writer.WriteBytes(tag, System.Text.Encoding.UTF8.GetBytes(text));

    internal static TenantId ReadTenant(ReadOnlySpan<byte> bytes) =>
        TenantId.TryParse(System.Text.Encoding.UTF8.GetString(bytes), out var tenant, out var error) ? tenant : throw new PeerException($"a message between nodes names no tenant: {error}");

    internal static void Check(in ProtobufReader reader)
    {
        if (reader.HasFailed) throw new PeerException($"a message between nodes cannot be read: {reader.Error.Message}");
    }
}
