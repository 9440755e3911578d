using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Slices;

namespace Tempo.Ring.Peers;

/// <summary>
/// Paths, headers and bodies between nodes on the gRPC port: over HTTP/2, but for pushes, which are plain posts of HTTP/1.1.
/// <code>
/// POST /tempo.peer/v3/push     a batch, see <see cref="PushWay"/>
///                              records   OTLP requests one behind the other, { flags u8, tenant length u8, request length u32 LE, tenant }
///                                        for each,
///                                        and the bytes of the latter u32 LE: so requests of one tenant are one request as they come
///                              answer    { status u8, accepted u32, rejected u32, retry after ms u32, message length u16, message } for
///                                        each
/// POST /tempo.peer/v3/live|metas|part    the messages of <see cref="Engine.Node.Peers.Wire.PeerMessages"/>
/// POST /tempo.peer/v3/slice    those of <see cref="SliceMessages"/>
/// GET  /tempo.peer/v3/ping     header and answer: a <see cref="PeerGreeting"/>; the answer ends with whether it knows who asks
/// </code>
/// The number in the path is the version of all bytes that travel so: nodes of another version are refused with a word of it, and so count
/// as members that do not answer. What is added so that the older side passes over it (a field of a message) is no new version; everything
/// else is (docs/scale.md; <c>PeerProtocolTests</c> holds the bytes).
/// </summary>
public static class PeerProtocol
{
    /// <summary>Of the bytes between nodes.</summary>
    public const int Version = 3;

    /// <summary>Of all versions.</summary>
    public const string Root = "/tempo.peer/";

    public const string PathPrefix = Root + "v3/";
    public const string Push = PathPrefix + "push";
    public const string Ping = PathPrefix + "ping";
    public const string SecretHeader = "x-tempo-peer-secret";
    public const string GreetingHeader = "x-tempo-peer";
    public const string ContentType = "application/x-tempo-peer";

    /// <summary>Largest OTLP request in a record: more than a receiver takes by default.</summary>
    public const int MaxRecordBytes = 256 << 20;

    public const int RecordHeaderBytes = 6;

    /// <summary>Behind the headers of records.</summary>
    public const int RecordsEndBytes = 4;

    /// <summary>
    /// Left free before the records of a batch, for the head of the post: both go in one piece, unless the request is a large one
    /// (<see cref="PushBatch"/>).
    /// </summary>
    public const int HeadRoomBytes = 512;

    /// <summary>Largest batch: more than what waits for a node.</summary>
    public const int MaxPushBytes = 512 << 20;

    private const int OutcomeHeaderBytes = 15;
    private const byte Counted = 1;

    public static string PathOf(PeerQuestion question) => PathPrefix + question switch
    {
        PeerQuestion.Live => "live",
        PeerQuestion.Metas => "metas",
        PeerQuestion.Slice => "slice",
        _ => "part",
    };

    /// <summary>The question of a path; null for another path.</summary>
    public static PeerQuestion? QuestionOf(string path) => path switch
    {
        PathPrefix + "live" => PeerQuestion.Live,
        PathPrefix + "metas" => PeerQuestion.Metas,
        PathPrefix + "part" => PeerQuestion.Part,
        PathPrefix + "slice" => PeerQuestion.Slice,
        _ => null,
    };

    /// <summary>Bytes of a request and its header.</summary>
    public static int SizeOf(TenantId tenant, int requestBytes) => HeaderSizeOf(tenant) + requestBytes;

    public static int HeaderSizeOf(TenantId tenant) => RecordHeaderBytes + tenant.Value.Length;

    /// <summary>Writes the header of a request, of <see cref="HeaderSizeOf"/> bytes.</summary>
    public static void WriteRecordHeader(Span<byte> destination, TenantId tenant, int requestBytes, bool isCounted)
    {
        destination[0] = isCounted ? Counted : (byte)0;
        destination[1] = (byte)tenant.Value.Length; // ASCII, at most 150
        BinaryPrimitives.WriteInt32LittleEndian(destination[2..], requestBytes);
        Encoding.ASCII.GetBytes(tenant.Value, destination[RecordHeaderBytes..]);
    }

    /// <summary>Reads what stands before a record's tenant.</summary>
    public static (bool IsCounted, int TenantBytes, int RequestBytes) ReadRecordHeader(ReadOnlySpan<byte> header) =>
        ((header[0] & Counted) != 0, header[1], BinaryPrimitives.ReadInt32LittleEndian(header[2..]));

    /// <summary>Ends the records of a batch.</summary>
    public static void WriteRecordsEnd(Span<byte> destination, int headerBytes) =>
        BinaryPrimitives.WriteInt32LittleEndian(destination, headerBytes);

    /// <summary>
    /// Where the headers of a batch's records begin, before their end. Throws <see cref="PeerException"/> for a batch that makes no sense.
    /// </summary>
    public static int ReadRecordsEnd(ReadOnlySpan<byte> batch)
    {
        if (batch.Length < RecordsEndBytes) throw new PeerException($"a batch of {batch.Length} bytes");
        var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(batch[^RecordsEndBytes..]);
        return (uint)headerBytes <= (uint)(batch.Length - RecordsEndBytes)
            ? batch.Length - RecordsEndBytes - headerBytes
            : throw new PeerException($"a batch of {batch.Length} bytes says that {(uint)headerBytes} of them are headers");
    }

    public static void WriteOutcome(NativeBuffer answer, in IngestOutcome outcome)
    {
        var message = Encoding.UTF8.GetBytes(outcome.Message.Length > 4096 ? outcome.Message[..4096] : outcome.Message);
        var header = answer.GetSpan(OutcomeHeaderBytes);
        header[0] = (byte)outcome.Status;
        BinaryPrimitives.WriteInt32LittleEndian(header[1..], outcome.AcceptedSpans);
        BinaryPrimitives.WriteInt32LittleEndian(header[5..], outcome.RejectedSpans);
        BinaryPrimitives.WriteUInt32LittleEndian(header[9..], (uint)Math.Clamp(outcome.RetryAfter.TotalMilliseconds, 0, uint.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(header[13..], (ushort)message.Length);
        answer.Advance(OutcomeHeaderBytes);
        answer.Append(message);
    }

    /// <summary>Reads one outcome and moves on; false if there is none.</summary>
    public static bool TryReadOutcome(ref ReadOnlySpan<byte> answer, out IngestOutcome outcome)
    {
        outcome = default;
        if (answer.Length < OutcomeHeaderBytes || answer[0] > (byte)IngestStatus.Unavailable) return false;
        var length = BinaryPrimitives.ReadUInt16LittleEndian(answer[13..]);
        if (answer.Length - OutcomeHeaderBytes < length) return false;
        outcome = new IngestOutcome(
            (IngestStatus)answer[0], BinaryPrimitives.ReadInt32LittleEndian(answer[1..]),
            BinaryPrimitives.ReadInt32LittleEndian(answer[5..]),
            Encoding.UTF8.GetString(answer.Slice(OutcomeHeaderBytes, length)))
        {
            RetryAfter = TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32LittleEndian(answer[9..])),
        };
        answer = answer[(OutcomeHeaderBytes + length)..];
        return true;
    }
}
