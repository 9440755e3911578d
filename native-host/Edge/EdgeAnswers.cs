using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;

namespace Tempo.Host.Edge;

/// <summary>
/// The answers to plain posts, the bytes that Kestrel would send for the same. Most of them are the same 120 bytes, which are put together
/// once a second, for the date. Thread safe.
/// </summary>
internal sealed class EdgeAnswers(TimeProvider time)
{
    private Dated _success = Dated.At(time.GetUtcNow());

    /// <summary>Everything was stored.</summary>
    public byte[] Success
    {
        get
        {
            var (now, success) = (time.GetUtcNow(), Volatile.Read(ref _success));
            if (now.ToUnixTimeSeconds() != success.Second) Volatile.Write(ref _success, success = Dated.At(now));
            return success.Answer;
        }
    }

    /// <summary>An outcome with something to tell, as protobuf.</summary>
    public byte[] Partial(in IngestOutcome outcome) => Compose(200, "", ExportResponse.ToProtobuf(outcome));

    /// <summary>A refusal: a google.rpc.Status as protobuf.</summary>
    public byte[] Error(int code, in GrpcStatus status)
    {
        var retry = HttpBody.RetryAfter(status) is { } seconds ? $"Retry-After: {seconds}\r\n" : "";
        using var message = new NativeBuffer();
        GrpcStatusDetails.Write(status, message);
        return Compose(code, retry, message.Written);
    }

    /// <summary>The last answer on its connection, without content.</summary>
    public byte[] Last(int code) => Encoding.ASCII.GetBytes($"HTTP/1.1 {code} {ReasonPhrases.GetReasonPhrase(code)}\r\nContent-Length: 0\r\nConnection: close\r\n{(code == 503 ? "Retry-After: 1\r\n" : "")}Date: {time.GetUtcNow():R}\r\n\r\n");

    /// <summary>The same answer, saying that no other follows.</summary>
    public static byte[] AsLast(ReadOnlySpan<byte> answer)
    {
        var line = answer.IndexOf("\r\n"u8) + 2;
        return [.. answer[..line], .. "Connection: close\r\n"u8, .. answer[line..]];
    }

    private byte[] Compose(int code, string headers, ReadOnlySpan<byte> message) => Compose(time.GetUtcNow(), code, headers, message);

    private static byte[] Compose(DateTimeOffset now, int code, string headers, ReadOnlySpan<byte> message) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {code} {ReasonPhrases.GetReasonPhrase(code)}\r\nContent-Length: {message.Length}\r\nContent-Type: application/x-protobuf\r\nDate: {now:R}\r\n{headers}\r\n"), .. message];

    private sealed record Dated(long Second, byte[] Answer)
    {
        public static Dated At(DateTimeOffset now) => new(now.ToUnixTimeSeconds(), Compose(now, 200, "", []));
    }
}
