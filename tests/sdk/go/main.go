// The official Go SDK behind the protocol that tests/conformance/sdk.py describes: a call is a line, and so is what came of it.
//
// It knows nothing of the gateway, and judges nothing.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	codeartsbuild "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/codeartsbuild/v3"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/codeartsbuild/v3/model"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/codeartsbuild/v3/region"
)

type call struct {
	Client  described         `json:"client"`
	JobID   string            `json:"job_id"`
	Headers map[string]string `json:"headers"`
}

type described struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	ProjectID string `json:"project_id"`
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region"`
	IgnoreTLS bool   `json:"ignore_tls"`
}

func main() {
	clients := map[described]*codeartsbuild.CodeArtsBuildClient{} // a client keeps its connections
	calls, results := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	calls.Buffer(nil, 1<<20) // a line may carry a long header
	for calls.Scan() {
		told, err := show(clients, calls.Bytes())
		if err != nil {
			told = refused(err)
		}
		if err := results.Encode(told); err != nil {
			panic(err)
		}
	}
	if err := calls.Err(); err != nil {
		panic(err)
	}
}

func show(clients map[described]*codeartsbuild.CodeArtsBuildClient, line []byte) (map[string]any, error) {
	var call call
	if err := json.Unmarshal(line, &call); err != nil {
		return nil, err
	}
	client := clients[call.Client]
	if client == nil {
		built, err := build(call.Client)
		if err != nil {
			return nil, err
		}
		client, clients[call.Client] = built, built
	}
	invoker := client.ShowJobInfoInvoker(&model.ShowJobInfoRequest{JobId: call.JobID})
	invoker.AddHeaders(call.Headers)
	answer, err := invoker.Invoke()
	if err != nil {
		return nil, err
	}
	return map[string]any{"status_code": answer.HttpStatusCode, "answer": answer}, nil
}

func build(said described) (*codeartsbuild.CodeArtsBuildClient, error) {
	builder := codeartsbuild.CodeArtsBuildClientBuilder()
	if said.AccessKey != "" {
		keys := basic.NewCredentialsBuilder().WithAk(said.AccessKey).WithSk(said.SecretKey).WithProjectId(said.ProjectID)
		credentials, err := keys.SafeBuild()
		if err != nil {
			return nil, err
		}
		builder.WithCredential(credentials)
	}
	if said.Endpoint != "" {
		builder.WithEndpoint(said.Endpoint)
	}
	if said.Region != "" {
		where, err := region.SafeValueOf(said.Region)
		if err != nil {
			return nil, err
		}
		builder.WithRegion(where)
	}
	if said.IgnoreTLS {
		builder.WithHttpConfig(config.DefaultHttpConfig().WithIgnoreSSLVerification(true))
	}
	hc, err := builder.SafeBuild()
	if err != nil {
		return nil, err
	}
	return codeartsbuild.NewCodeArtsBuildClient(hc), nil
}

func refused(err error) map[string]any {
	var refusal *sdkerr.ServiceResponseError
	if !errors.As(err, &refusal) {
		return map[string]any{"class": fmt.Sprintf("%T", err), "text": err.Error()}
	}
	return map[string]any{
		"class":                         "ServiceResponseError",
		"status_code":                   refusal.StatusCode,
		"error_code":                    refusal.ErrorCode,
		"error_msg":                     refusal.ErrorMessage,
		"request_id":                    refusal.RequestId,
		"encoded_authorization_message": refusal.EncodedAuthorizationMessage,
	}
}
