using System.Buffers;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Grpc;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>What the four tag endpoints do alike: tenants, parameters, errors, negotiation.</summary>
internal sealed class TagAnswer(TenantResolver tenants, QueryLimits limits, TimeProvider time)
{
    /// <summary>Answers a request; the function asks the node.</summary>
    public async Task ServeAsync(HttpContext context, Func<TenantSet, TagParameters, Task<TagBody>> ask)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        if (!TagParameters.TryParse(context.Request.Query, limits.Of(asked), time.GetUtcNow(), out var parameters, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        try
        {
            var answer = await ask(asked, parameters).ConfigureAwait(false);
            if (answer.Message.Length > 0) context.Response.Headers[QueryAnswer.PartialHeader] = GrpcText.Encode(answer.Message);
            using var body = new AnswerBuffer();
            var isProtobuf = QueryAnswer.WantsProtobuf(context.Request);
            if (isProtobuf) WriteProtobuf(answer, body);
            else answer.WriteJson(body);
            await QueryAnswer.WriteAsync(context, isProtobuf ? QueryAnswer.Protobuf : answer.JsonType, body).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }

    private static void WriteProtobuf(TagBody answer, AnswerBuffer body)
    {
        using var message = new NativeBuffer();
        answer.WriteProtobuf(message);
        body.Write(message.Written);
    }
}

/// <summary>An answer in both forms.</summary>
/// <param name="WriteJson">Writes one JSON object.</param>
/// <param name="WriteProtobuf">Appends the message.</param>
/// <param name="Message">What could not be read; empty if nothing.</param>
internal sealed record TagBody(Action<IBufferWriter<byte>> WriteJson, Action<NativeBuffer> WriteProtobuf, string Message)
{
    public string JsonType { get; init; } = QueryAnswer.Json;
}
