using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// Paths, headers and frames between nodes, over HTTP/2 on the gRPC port.
/// <code>
/// POST /tempo.peer/v1/push     batches in frames, see <see cref="Peers.PushStream"/>
///                              records   { flags u8, tenant length u8, request length u32 LE, tenant, OTLP request }
///                              answer    { status u8, accepted u32, rejected u32, retry after ms u32, message length u16, message } for each
/// POST /tempo.peer/v1/live|metas|part    the messages of <see cref="PeerMessages"/>
/// GET  /tempo.peer/v1/ping     header and answer: a <see cref="PeerGreeting"/>; the answer ends with whether it knows who asks
/// </code>
/// The number in the path is the version of all bytes that travel so: nodes of another version are refused with a word of it, and so count as members
/// that do not answer. What is added so that the older side passes over it (a field of a message) is no new version; everything else is
/// (docs/scale.md; <c>PeerProtocolTests</c> holds the bytes).
/// </summary>
public static class PeerProtocol
{
    /// <summary>Of the bytes between nodes.</summary>
    public const int Version = 1;

    /// <summary>Of all versions.</summary>
    public const string Root = "/tempo.peer/";

    public const string PathPrefix = Root + "v1/";
    public const string PushStream = PathPrefix + "push";
    public const string Ping = PathPrefix + "ping";
    public const string SecretHeader = "x-tempo-peer-secret";
    public const string GreetingHeader = "x-tempo-peer";
    public const string ContentType = "application/x-tempo-peer";

    /// <summary>Largest OTLP request in a record: more than a receiver takes by default.</summary>
    public const int MaxRecordBytes = 256 << 20;

    public const int RecordHeaderBytes = 6;

    /// <summary>Before the records of a frame, and before the outcomes that answer it.</summary>
    public const int FrameHeaderBytes = 8;

    private const int OutcomeHeaderBytes = 15;
    private const byte Counted = 1;

    public static string PathOf(PeerQuestion question) => PathPrefix + question switch
    {
        PeerQuestion.Live => "live",
        PeerQuestion.Metas => "metas",
        _ => "part",
    };

    /// <summary>The question of a path; null for another path.</summary>
    public static PeerQuestion? QuestionOf(string path) => path switch
    {
        PathPrefix + "live" => PeerQuestion.Live,
        PathPrefix + "metas" => PeerQuestion.Metas,
        PathPrefix + "part" => PeerQuestion.Part,
        _ => null,
    };

    /// <summary>Begins a frame or an answer: its number, and the bytes that follow.</summary>
    public static void WriteFrameHeader(Span<byte> destination, uint number, int bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, number);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[sizeof(uint)..], (uint)bytes);
    }

    public static (uint Number, uint Bytes) ReadFrameHeader(ReadOnlySpan<byte> header) =>
        (BinaryPrimitives.ReadUInt32LittleEndian(header), BinaryPrimitives.ReadUInt32LittleEndian(header[sizeof(uint)..]));

    public static int SizeOf(TenantId tenant, int requestBytes) => RecordHeaderBytes + tenant.Value.Length + requestBytes;

    /// <summary>Writes a record, of <see cref="SizeOf"/> bytes.</summary>
    public static void WriteRecord(Span<byte> destination, TenantId tenant, ReadOnlySpan<byte> request, bool isCounted)
    {
        destination[0] = isCounted ? Counted : (byte)0;
        destination[1] = (byte)tenant.Value.Length; // ASCII, at most 150
        BinaryPrimitives.WriteInt32LittleEndian(destination[2..], request.Length);
        Encoding.ASCII.GetBytes(tenant.Value, destination[RecordHeaderBytes..]);
        request.CopyTo(destination[(RecordHeaderBytes + tenant.Value.Length)..]);
    }

    /// <summary>Reads what stands before a record's tenant.</summary>
    public static (bool IsCounted, int TenantBytes, int RequestBytes) ReadRecordHeader(ReadOnlySpan<byte> header) =>
        ((header[0] & Counted) != 0, header[1], BinaryPrimitives.ReadInt32LittleEndian(header[2..]));

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
            (IngestStatus)answer[0], BinaryPrimitives.ReadInt32LittleEndian(answer[1..]), BinaryPrimitives.ReadInt32LittleEndian(answer[5..]),
            Encoding.UTF8.GetString(answer.Slice(OutcomeHeaderBytes, length)))
        {
            RetryAfter = TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32LittleEndian(answer[9..])),
        };
        answer = answer[(OutcomeHeaderBytes + length)..];
        return true;
    }
}
