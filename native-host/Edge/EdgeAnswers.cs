using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;

namespace Tempo.Host.Edge;

/// <summary>
/// The answers to plain posts; those of OTLP are the bytes that Kestrel would send for the same. Most of them are the same 120 bytes, which
/// are put together once a second, for the date. Thread safe.
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
    public byte[] Partial(in IngestOutcome outcome) => OfOtlp(200, "", ExportResponse.ToProtobuf(outcome));

    /// <summary>A refusal: a google.rpc.Status as protobuf.</summary>
    public byte[] Error(int code, in GrpcStatus status)
    {
        var retry = HttpBody.RetryAfter(status) is { } seconds ? $"Retry-After: {seconds}\r\n" : "";
        using var message = new NativeBuffer();
        GrpcStatusDetails.Write(status, message);
        return OfOtlp(code, retry, message.Written);
    }

    /// <summary>The last answer on its connection, without content.</summary>
    public byte[] Last(int code) =>
        Compose(code, $"Connection: close\r\n{(code == 503 ? "Retry-After: 1\r\n" : "")}Date: {time.GetUtcNow():R}\r\n", []);

    /// <summary>The same answer, saying that no other follows.</summary>
    public static byte[] AsLast(ReadOnlySpan<byte> answer)
    {
        var line = answer.IndexOf("\r\n"u8) + 2;
        return [.. answer[..line], .. "Connection: close\r\n"u8, .. answer[line..]];
    }

    /// <summary>An answer with these headers (each with its line end) behind its length.</summary>
    public static byte[] Compose(int code, string headers, ReadOnlySpan<byte> body) =>
        [.. Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {code} {ReasonPhrases.GetReasonPhrase(code)}\r\nContent-Length: {body.Length}\r\n{headers}\r\n"), .. body];

    private byte[] OfOtlp(int code, string headers, ReadOnlySpan<byte> message) => OfOtlp(time.GetUtcNow(), code, headers, message);

    private static byte[] OfOtlp(DateTimeOffset now, int code, string headers, ReadOnlySpan<byte> message) =>
        Compose(code, $"Content-Type: application/x-protobuf\r\nDate: {now:R}\r\n{headers}", message);

    private sealed record Dated(long Second, byte[] Answer)
    {
        public static Dated At(DateTimeOffset now) => new(now.ToUnixTimeSeconds(), OfOtlp(now, 200, "", []));
    }
}
