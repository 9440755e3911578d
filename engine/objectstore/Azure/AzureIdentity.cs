using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Tokens of Azure's identities, by its library: of the machine, of one of several it has, or of a Kubernetes workload. The library keeps a
/// token until minutes before its end; who asks is told why there is none by an <see cref="IdentityException"/>. All who ask at once share
/// an answer, which they wait for as long as they can: the library tries the ways of a machine one after the other, and may take longer
/// over it than an attempt of the store has. Thread safe.
/// </summary>
internal sealed class AzureIdentity : TokenCredential
{
    private static readonly string[] WorkloadVariables = ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"];
    /// <summary>
    /// A machine that answers nothing but 404 is asked by the library in three ways for 80 s, with repetitions; less would end it before
    /// the last.
    /// </summary>
    private static readonly TimeSpan AskLimit = TimeSpan.FromMinutes(3);
    private readonly TokenCredential _library;
    private readonly SharedAnswer<AccessToken> _token = new();
    private readonly string _who;
    private readonly TimeProvider _time;

    /// <summary>
    /// What answers in the place of the token service is not read without an end: <paramref name="transport"/> bounds it.
    /// </summary>
    public AzureIdentity(AzureOptions options, HttpPipelineTransport transport, TimeProvider time)
    {
        _time = time;
        (_library, _who) = options switch
        {
            { UseFederatedToken: true } =>
                ((TokenCredential)new WorkloadIdentityCredential(new WorkloadIdentityCredentialOptions { Transport = transport }),
                    "workload identity"),
            { UserAssignedId: { Length: > 0 } id } =>
                (Machine(ManagedIdentityId.FromUserAssignedClientId(id), transport), $"managed identity {id}"),
            _ => (Machine(ManagedIdentityId.SystemAssigned, transport), "managed identity of this machine"),
        };
    }

    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        throw new NotSupportedException("only asynchronously");

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        new(_token.GetAsync(() => AskAsync(requestContext), cancellationToken));

    private async Task<AccessToken> AskAsync(TokenRequestContext context)
    {
        using var limit = new CancellationTokenSource(AskLimit, _time);
        try
        {
            return await _library.GetTokenAsync(context, limit.Token).ConfigureAwait(false);
        }
        catch (CredentialUnavailableException) when (_library is WorkloadIdentityCredential
            && Array.FindAll(WorkloadVariables, static name =>
                Environment.GetEnvironmentVariable(name) is not { Length: > 0 }) is { Length: > 0 } missing)
        {
            throw new IdentityException($"{_who}: not set in the environment: {string.Join(", ", missing)}", isTransient: false);
        }
        catch (AuthenticationFailedException e)
        {
            // The cause is not kept: it quotes what was answered.
            throw new IdentityException($"{_who}: {IdentityException.Clean(e.Message)}", isTransient: true);
        }
        catch (OperationCanceledException)
        {
            throw new IdentityException($"{_who}: no token within {AskLimit.TotalSeconds:0} s", isTransient: true);
        }
    }

    private static ManagedIdentityCredential Machine(ManagedIdentityId identity, HttpPipelineTransport transport) =>
        new(new ManagedIdentityCredentialOptions(identity) { Transport = transport });
}
