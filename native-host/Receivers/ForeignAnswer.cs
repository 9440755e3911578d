using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Http;

namespace Tempo.Host.Receivers;

/// <summary>
/// Answers of the Zipkin and Jaeger HTTP receivers: 202 without a body, or a line of text. Their protocols have no word for
/// "a part of it": spans that were refused are told in a Warning header (over gRPC: a trailer of that name), which clients that
/// do not know it ignore.
/// </summary>
internal static class ForeignAnswer
{
    private const int LongestWarning = 1024;

    public static void Accepted(HttpContext context, in IngestOutcome outcome)
    {
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.ContentLength = 0;
        if (WarningOf(outcome) is { Length: > 0 } warning) context.Response.Headers.Warning = warning;
    }

    /// <summary>What an accepted request is told beside that; empty if nothing.</summary>
    public static string WarningOf(in IngestOutcome outcome)
    {
        if (outcome.RejectedSpans == 0 && outcome.Message.Length == 0) return "";
        var text = outcome.RejectedSpans == 0
            ? outcome.Message
            : string.Create(CultureInfo.InvariantCulture, $"{outcome.RejectedSpans} spans rejected: {outcome.Message}");
        return $"299 tempo \"{Printable(text)}\"";
    }

    public static Task RefuseAsync(HttpContext context, in GrpcStatus status) => RefuseAsync(context, HttpBody.StatusOf(status), status);

    public static Task RefuseAsync(HttpContext context, int code, in GrpcStatus status)
    {
        HttpBody.TellRetry(context.Response, status);
        return PlainText.WriteAsync(context, code, status.Message + "\n");
    }

    private static string Printable(string text)
    {
        var cut = text.Length > LongestWarning ? text[..LongestWarning] : text;
        return string.Create(cut.Length, cut, static (chars, source) =>
        {
            for (var i = 0; i < chars.Length; i++)
                chars[i] = source[i] is >= ' ' and < (char)127 and not '"' and not '\\' ? source[i] : '\'';
        });
    }
}
