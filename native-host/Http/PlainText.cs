using System.Text;
using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary>Answers in plain text: errors, and pages for operators.</summary>
internal static class PlainText
{
    public const string PageNotFound = "404 page not found\n";

    public static Task WriteAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        var content = Encoding.UTF8.GetBytes(text);
        context.Response.ContentLength = content.Length;
        return context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
    }
}
